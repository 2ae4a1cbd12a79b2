//! Bybit's protocol in memory: what a client sends and hears, byte by byte, with time as an argument.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use serde_json::{Value, json};
use tradewind_emulator::bybit::Bybit;
use tradewind_emulator::front::{ConnId, Frame, Front, HttpIn, HttpOut, Outbox};
use tradewind_emulator::house::{Client, House};
use tradewind_emulator::signing::{hex, hmac_sha256};
use tradewind_emulator::venues::Venue;
use tradewind_types::{Nanos, Timestamp};

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
const PUBLIC: ConnId = ConnId(1);
const PRIVATE: ConnId = ConnId(2);
const TRADE: ConnId = ConnId(3);

/// A house, its front, and everything the front has said.
struct World {
    now: Timestamp,
    house: House,
    front: Bybit,
    heard: Vec<(ConnId, Value)>,
}

impl World {
    fn new() -> Self {
        let house = House::new(&Venue::Bybit.house(7, 2), START).unwrap();
        Self { now: START, house, front: Bybit::new(), heard: Vec::new() }
    }

    fn client(&self, client: usize) -> Client {
        self.house.clients()[client].clone()
    }

    fn settle(&mut self, out: &mut Outbox) {
        let mut news = Vec::new();
        self.house.take_news(&mut news);
        self.front.publish(self.now, &news, &self.house, out);
        for (conn, frame) in out.drain() {
            if let Frame::Text(text) = frame {
                self.heard.push((conn, serde_json::from_str(&text).unwrap()));
            }
        }
    }

    fn send(&mut self, client: usize, method: &str, path: &str, query: &str, body: &str) -> HttpOut {
        let keys = self.client(client).credentials;
        let stamp = (self.now.0 / 1_000_000).to_string();
        let payload = if method == "GET" { query } else { body };
        let parts = [stamp.as_bytes(), keys.key.as_bytes(), b"5000", payload.as_bytes()];
        let sign = hex(&hmac_sha256(keys.secret.reveal().as_bytes(), &parts));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            header("x-bapi-api-key", &keys.key),
            header("x-bapi-timestamp", &stamp),
            header("x-bapi-recv-window", "5000"),
            header("x-bapi-sign", &sign),
        ];
        let answer = self.front.http(self.now, &HttpIn { method, path, query, headers: &headers, body: body.as_bytes() }, &mut self.house);
        self.settle(&mut Outbox::default());
        answer
    }

    fn post(&mut self, client: usize, path: &str, body: &Value) -> Value {
        serde_json::from_slice(&self.send(client, "POST", path, "", &body.to_string()).body).unwrap()
    }

    fn get(&mut self, client: usize, path: &str, query: &str) -> Value {
        serde_json::from_slice(&self.send(client, "GET", path, query, "").body).unwrap()
    }

    fn connect(&mut self, conn: ConnId, path: &str) {
        let mut out = Outbox::default();
        self.front.connect(self.now, conn, path, "", &mut self.house, &mut out).unwrap();
        self.settle(&mut out);
    }

    fn say(&mut self, conn: ConnId, message: &Value) {
        let mut out = Outbox::default();
        self.front.receive(self.now, conn, message.to_string().as_bytes(), &mut self.house, &mut out);
        self.settle(&mut out);
    }

    fn prove(&mut self, conn: ConnId, client: usize) {
        let keys = self.client(client).credentials;
        let expires = self.now.0 / 1_000_000 + 1_000;
        let sign = hex(&hmac_sha256(keys.secret.reveal().as_bytes(), &[b"GET/realtime", expires.to_string().as_bytes()]));
        self.say(conn, &json!({"op": "auth", "args": [keys.key, expires, sign]}));
    }

    fn pass(&mut self, span: Nanos) {
        let until = self.now.plus(span);
        while let Some(due) = self.front.next_deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            let mut out = Outbox::default();
            self.front.on_time(self.now, &mut self.house, &mut out);
            self.settle(&mut out);
        }
        self.now = until;
    }

    /// What a connection heard since this was last asked.
    fn take(&mut self, conn: ConnId) -> Vec<Value> {
        let (theirs, others) = std::mem::take(&mut self.heard).into_iter().partition(|(to, _)| *to == conn);
        self.heard = others;
        let theirs: Vec<(ConnId, Value)> = theirs;
        theirs.into_iter().map(|(_, message)| message).collect()
    }

    fn limit(&mut self, client: usize, side: &str, price: &str, qty: &str) -> Value {
        let order = json!({"category": "linear", "symbol": "BTCUSDT", "side": side, "orderType": "Limit", "price": price, "qty": qty});
        self.post(client, "/v5/order/create", &order)
    }
}

fn topics(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| message["topic"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_trade_is_told_to_both_sides_in_order_and_costs_what_it_costs() {
    let mut world = World::new();
    world.connect(PRIVATE, "/v5/private");
    world.prove(PRIVATE, 1);
    world.say(PRIVATE, &json!({"op": "subscribe", "req_id": "1", "args": ["order", "execution", "position", "wallet"]}));
    let acks = world.take(PRIVATE);
    assert_eq!(acks[0]["success"], true);
    assert_eq!((acks[1]["op"].as_str(), acks[1]["req_id"].as_str()), (Some("subscribe"), Some("1")));
    assert_eq!(world.limit(0, "Sell", "60000.0", "0.010")["retCode"], 0);
    assert!(world.take(PRIVATE).is_empty(), "what others do is not told");
    let taken = world.limit(1, "Buy", "60010", "0.004");
    let told = world.take(PRIVATE);
    assert_eq!(topics(&told), ["order", "execution", "order", "position", "wallet"]);
    let (execution, order) = (&told[1]["data"][0], &told[2]["data"][0]);
    assert_eq!(order["orderId"], taken["result"]["orderId"]);
    assert_eq!((order["orderStatus"].as_str(), order["avgPrice"].as_str()), (Some("Filled"), Some("60000")));
    // 0.004 at 60000 is 240; 5.5 basis points of it are 0.132.
    assert_eq!((execution["execValue"].as_str(), execution["execFee"].as_str()), (Some("240"), Some("0.132")));
    assert_eq!((told[3]["data"][0]["side"].as_str(), told[3]["data"][0]["size"].as_str()), (Some("Buy"), Some("0.004")));
    let wallet = world.get(1, "/v5/account/wallet-balance", "accountType=UNIFIED&coin=USDT");
    assert_eq!(wallet["result"]["list"][0]["coin"][0]["walletBalance"], "999999.868");
    let maker = world.get(0, "/v5/execution/list", "category=linear");
    // The maker pays 2 basis points.
    assert_eq!(maker["result"]["list"][0]["execFee"], "0.048");
}

#[test]
fn a_book_is_told_whole_then_by_its_changes_with_consecutive_numbers() {
    let mut world = World::new();
    world.connect(PUBLIC, "/v5/public/linear");
    world.say(PUBLIC, &json!({"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]}));
    let mut known = std::collections::BTreeMap::new();
    let mut last = 0;
    for step in 0..40 {
        let id = world.limit(0, "Buy", &format!("{}.5", 50_000 + step), "0.002")["result"]["orderId"].clone();
        if step % 3 == 0 {
            world.post(0, "/v5/order/cancel", &json!({"category": "linear", "symbol": "BTCUSDT", "orderId": id}));
        }
        world.pass(Nanos::from_millis(700));
    }
    for message in world.take(PUBLIC).iter().skip(1) {
        let (data, is_snapshot) = (&message["data"], message["type"] == "snapshot");
        let update = data["u"].as_u64().unwrap();
        assert!(is_snapshot == (last == 0) && (is_snapshot || update == last + 1));
        last = update;
        for level in data["b"].as_array().unwrap() {
            let (price, qty) = (level[0].as_str().unwrap().to_owned(), level[1].as_str().unwrap().to_owned());
            if qty == "0" {
                known.remove(&price)
            } else {
                known.insert(price, qty)
            };
        }
    }
    let rest = world.get(0, "/v5/market/orderbook", "category=linear&symbol=BTCUSDT&limit=50");
    let bids: Vec<_> = rest["result"]["b"].as_array().unwrap().iter().map(|level| level[0].as_str().unwrap().to_owned()).collect();
    assert_eq!(bids, known.into_keys().rev().collect::<Vec<_>>());
    assert_eq!(bids.len(), 26);
}

#[test]
fn the_order_socket_answers_by_id_and_takes_no_id_twice() {
    let mut world = World::new();
    world.connect(TRADE, "/v5/trade");
    let order = json!({"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "price": "50000", "qty": "0.001"});
    let header = json!({"X-BAPI-TIMESTAMP": START.0 / 1_000_000, "X-BAPI-RECV-WINDOW": "5000"});
    let ask = |id: &str| json!({"reqId": id, "header": header, "op": "order.create", "args": [order]});
    world.say(TRADE, &ask("a"));
    assert_eq!(world.take(TRADE)[0]["retCode"], 10005, "nobody yet");
    world.prove(TRADE, 0);
    assert_eq!(world.take(TRADE)[0]["retCode"], 0);
    for (id, code) in [("b", 0), ("b", 20006), ("c", 0)] {
        world.say(TRADE, &ask(id));
        let answer = &world.take(TRADE)[0];
        assert_eq!((answer["reqId"].as_str(), answer["retCode"].as_i64()), (Some(id), Some(code)), "{answer}");
    }
    world.pass(Nanos::from_secs(6));
    world.say(TRADE, &ask("d"));
    assert_eq!(world.take(TRADE)[0]["retCode"], 10002, "too old by then");
    let open = world.get(0, "/v5/order/realtime", "category=spot");
    assert_eq!(open["result"]["list"].as_array().unwrap().len(), 2);
    world.say(TRADE, &json!({"op": "ping"}));
    assert_eq!(world.take(TRADE)[0]["op"], "pong");
}

#[test]
fn the_eleventh_contract_order_of_a_second_is_turned_away_with_its_quota_in_the_headers() {
    let mut world = World::new();
    for _ in 0..10 {
        assert_eq!(world.limit(0, "Buy", "50000", "0.001")["retCode"], 0);
    }
    let order = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "price": "50000", "qty": "0.001"});
    let refused = world.send(0, "POST", "/v5/order/create", "", &order.to_string());
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!((refused.status, body["retCode"].as_i64()), (200, Some(10006)));
    let header = |name: &str| refused.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    assert_eq!(header("X-Bapi-Limit").as_deref(), Some("10"));
    assert_eq!(header("X-Bapi-Limit-Status").as_deref(), Some("0"));
    assert_eq!(header("X-Bapi-Limit-Reset-Timestamp"), Some((START.0 / 1_000_000 + 1_000).to_string()));
    assert_eq!(world.limit(1, "Buy", "50000", "0.001")["retCode"], 0, "another account has a quota of its own");
    world.now = world.now.plus(Nanos::from_secs(1));
    assert_eq!(world.limit(0, "Buy", "50000", "0.001")["retCode"], 0);
    let answers: Vec<u16> = (0..700).map(|_| world.send(0, "GET", "/v5/market/time", "", "").status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 600 - 13 + 12, "an address may ask 600 times in 5 s");
    assert_eq!(answers.last(), Some(&403));
}

#[test]
fn orders_are_taken_back_when_the_protected_socket_stays_away() {
    let mut world = World::new();
    let armed = world.post(0, "/v5/order/disconnected-cancel-all", &json!({"product": "DERIVATIVES", "timeWindow": 10}));
    assert_eq!(armed["retCode"], 0);
    world.limit(0, "Buy", "50000", "0.001");
    world.limit(1, "Buy", "50000", "0.001");
    let count = |world: &mut World, client: usize| {
        let open = world.get(client, "/v5/order/realtime", "category=linear&symbol=BTCUSDT");
        open["result"]["list"].as_array().unwrap().len()
    };
    for conn in [ConnId(7), ConnId(8)] {
        world.connect(conn, "/v5/private");
        world.prove(conn, 0);
        world.say(conn, &json!({"op": "subscribe", "args": ["dcp.future", "order"]}));
        world.front.disconnect(conn);
        // The next socket is back in time; the one after it never comes.
        world.pass(Nanos::from_secs(9));
        assert_eq!(count(&mut world, 0), 1);
    }
    world.pass(Nanos::from_secs(2));
    assert_eq!((count(&mut world, 0), count(&mut world, 1)), (0, 1));
    let past = world.get(0, "/v5/order/history", "category=linear");
    assert_eq!(past["result"]["list"][0]["cancelType"], "CancelByDCP");
}

#[test]
fn what_is_wrong_is_said_in_the_venues_codes() {
    let mut world = World::new();
    let good = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "price": "50000", "qty": "0.001"});
    let cases = [
        (json!({"symbol": "NOPE"}), 10001),
        (json!({"side": "buy"}), 10001),
        (json!({"qty": "0.0015"}), 10001),
        (json!({"price": "50000.05"}), 10001),
        (json!({"price": "1000"}), 110_094),
        (json!({"qty": "1000"}), 110_007),
        (json!({"reduceOnly": true}), 110_017),
        (json!({"positionIdx": 1}), 10001),
        (json!({"timeInForce": "DAY"}), 10001),
        (json!({"orderLinkId": "a b"}), 10001),
        (json!({"triggerPrice": "60000"}), 10001),
        (json!({"category": "spot", "price": "50000.05"}), 170_134),
        (json!({"category": "spot", "qty": "0.0000001"}), 170_137),
        (json!({"category": "spot", "qty": "80"}), 170_131),
        (json!({"category": "spot", "symbol": "NOPE"}), 170_121),
        (json!({"category": "inverse"}), 10001),
    ];
    for (change, code) in cases {
        let mut order = good.clone();
        order.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = world.post(0, "/v5/order/create", &order);
        assert_eq!(answer["retCode"], code, "{change} {answer}");
        world.now = world.now.plus(Nanos::from_secs(1));
    }
    assert_eq!(world.get(0, "/v5/order/realtime", "category=linear&settleCoin=USDT")["result"]["list"], json!([]));
    assert_eq!(world.get(0, "/v5/position/list", "category=linear")["retCode"], 10001);
    assert_eq!(world.send(0, "GET", "/v5/nothing", "", "").status, 404);
    world.connect(PUBLIC, "/v5/public/spot");
    for (topic, said) in [("orderbook.7.BTCUSDT", "error:handler not found"), ("tickers.NOPE", "Invalid symbol")] {
        world.say(PUBLIC, &json!({"op": "subscribe", "args": [topic]}));
        let answer = &world.take(PUBLIC)[0];
        assert!(answer["success"] == false && answer["ret_msg"].as_str().unwrap().starts_with(said), "{answer}");
    }
}
