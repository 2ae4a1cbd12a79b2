//! Fills turned into money, against ledgers worked by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{
    ALPHA, BETA, BNB, BTC, BTC_DEPOSIT, DEPOSIT, Desk, INVERSE, MARGIN_ACCOUNT, PERPETUAL, SPOT, SPOT_ACCOUNT, UNASSIGNED, USDT, fee,
    limit, market,
};
use tradewind_engine::{LedgerAccount, Owner, Position, ValuationError};
use tradewind_types::{Amount, Control, Definition, DefinitionRefusal, Outcome, Price, Side, VenueId, VenueReply};

fn ledger(desk: &Desk, account: LedgerAccount, asset: tradewind_types::AssetId) -> i128 {
    desk.engine.state().ledger().balance(account, asset).0
}

#[test]
fn deposits_come_from_outside() {
    let desk = Desk::open();
    assert_eq!(ledger(&desk, LedgerAccount::External, USDT), -2 * DEPOSIT.0);
    assert_eq!(desk.balance(SPOT_ACCOUNT, USDT), DEPOSIT.0);
    assert_eq!(desk.engine.state().book_balance(ALPHA, USDT).0, 2 * DEPOSIT.0);
}

#[test]
fn a_spot_buy_with_its_fee_in_base_leaves_a_fraction_of_a_lot() {
    let mut desk = Desk::open();
    // 3 lots (0.00003 BTC) at 1000.00: 0.03 USDT; the fee is 0.1 % of the base: 3 units where a lot has 1000.
    let order = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 3));
    let fill = desk.fill_of(order, 100_000, 3, fee(BTC, 3));
    desk.reply(VenueReply::Filled(fill));
    assert_eq!(desk.balance(SPOT_ACCOUNT, BTC), 2_997);
    assert_eq!(desk.balance(SPOT_ACCOUNT, USDT), DEPOSIT.0 - 3_000_000);
    assert_eq!(ledger(&desk, LedgerAccount::Venue(VenueId(0)), BTC), -3_000);
    assert_eq!(ledger(&desk, LedgerAccount::Venue(VenueId(0)), USDT), 3_000_000);
    assert_eq!(ledger(&desk, LedgerAccount::Fees(VenueId(0)), BTC), 3);
    assert_eq!(desk.engine.state().book_fees(ALPHA, BTC), Amount(3));
    assert_eq!(desk.engine.state().book_position(ALPHA, SPOT).lots, 3, "traded lots are net of no fee");
    // Only two whole lots are left to sell.
    assert!(matches!(
        desk.intend(tradewind_types::Intent::Place(limit(SPOT, ALPHA, Side::Sell, 100_000, 3)))[..],
        [Outcome::Refused { .. }]
    ));
    desk.place(limit(SPOT, ALPHA, Side::Sell, 100_000, 2));
}

#[test]
fn a_fee_may_be_in_a_third_asset_or_a_rebate() {
    let mut desk = Desk::open();
    desk.control(Control::Define(Definition::Deposit { account: SPOT_ACCOUNT, book: BETA, asset: BNB, amount: Amount(50) }));
    let order = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 5));
    for (qty, charge) in [(3, fee(BNB, 20)), (2, fee(USDT, -7))] {
        let fill = desk.fill_of(order, 100_000, qty, charge);
        desk.reply(VenueReply::Filled(fill));
    }
    assert_eq!(desk.balance(SPOT_ACCOUNT, BNB), 30);
    assert_eq!(desk.engine.state().book_balance(ALPHA, BNB), Amount(-20), "another book's coins paid for it, and it owes them");
    assert_eq!(desk.balance(SPOT_ACCOUNT, USDT), DEPOSIT.0 - 5_000_000 + 7);
    assert_eq!(ledger(&desk, LedgerAccount::Fees(VenueId(0)), USDT), -7);
}

#[test]
fn the_venues_own_rounding_is_posted_and_shown() {
    let mut desk = Desk::open();
    let buy = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 3));
    let mut fill = desk.fill_of(buy, 99_999, 3, fee(USDT, 0));
    // Exactly 2 999 970 units; the venue says 2 999 971.
    fill.stated_cash = Some(Amount(2_999_971));
    desk.reply(VenueReply::Filled(fill));
    assert_eq!(desk.balance(SPOT_ACCOUNT, USDT), DEPOSIT.0 - 2_999_971);
    assert_eq!(ledger(&desk, LedgerAccount::Venue(VenueId(0)), USDT), 2_999_970);
    assert_eq!(ledger(&desk, LedgerAccount::Rounding(VenueId(0)), USDT), 1);
    let sell = desk.open_order(limit(SPOT, ALPHA, Side::Sell, 99_999, 3));
    let mut fill = desk.fill_of(sell, 99_999, 3, fee(USDT, 0));
    fill.stated_cash = Some(Amount(2_999_972));
    desk.reply(VenueReply::Filled(fill));
    assert_eq!(desk.balance(SPOT_ACCOUNT, USDT), DEPOSIT.0 + 1);
    assert_eq!(ledger(&desk, LedgerAccount::Rounding(VenueId(0)), USDT), -1);
}

#[test]
fn a_perpetual_opens_reduces_flips_and_closes_at_average_cost() {
    let mut desk = Desk::open();
    let start = desk.balance(MARGIN_ACCOUNT, USDT);
    let mut trade = |side, price, qty| {
        let order = desk.open_order(limit(PERPETUAL, ALPHA, side, price, qty));
        desk.fill(order, price, qty);
        let position = desk.engine.state().position(MARGIN_ACCOUNT, PERPETUAL);
        (position.lots, position.entry.0 / 10_000, (desk.balance(MARGIN_ACCOUNT, USDT) - start) / 10_000)
    };
    // In ticks × lots: (lots, entry, realised so far).
    assert_eq!(trade(Side::Buy, 1_000, 2), (2, 2_000, 0));
    assert_eq!(trade(Side::Buy, 1_003, 1), (3, 3_003, 0));
    assert_eq!(trade(Side::Sell, 1_100, 1), (2, 2_002, 99));
    assert_eq!(trade(Side::Sell, 900, 5), (-3, -2_700, 99 - 202), "closes 2 at 900, opens 3 short");
    assert_eq!(trade(Side::Buy, 800, 2), (-1, -900, -103 + 200));
    assert_eq!(trade(Side::Buy, 950, 1), (0, 0, 97 - 50));
}

#[test]
fn what_division_leaves_over_comes_out_when_closed() {
    let entry = Position::default().after(3, Amount(100)).unwrap().0;
    let (two, first) = entry.after(-1, Amount(-40)).unwrap();
    assert_eq!((two, first), (Position { lots: 2, entry: Amount(67), realised: Amount(7) }, Amount(7)));
    let (one, second) = two.after(-1, Amount(-40)).unwrap();
    assert_eq!((one.entry, second), (Amount(34), Amount(7)));
    let (flat, third) = one.after(-1, Amount(-40)).unwrap();
    assert_eq!(flat, Position { lots: 0, entry: Amount(0), realised: Amount(20) });
    assert_eq!(third, Amount(6), "120 received less 100 paid, to the unit");
}

#[test]
fn an_inverse_contract_settles_in_base() {
    let mut desk = Desk::open();
    // 10 contracts of 100 USD: at 10 000.0 USD they are 0.1 BTC, at 12 500.0 they are 0.08 BTC.
    let buy = desk.open_order(limit(INVERSE, ALPHA, Side::Buy, 100_000, 10));
    desk.fill(buy, 100_000, 10);
    assert_eq!(desk.balance(MARGIN_ACCOUNT, BTC), BTC_DEPOSIT.0);
    let marks = [None, None, Some(Price(125_000))];
    let equity = |desk: &Desk, book| desk.engine.state().equity(Owner::Book(book), BTC, &marks);
    assert!(matches!(equity(&desk, ALPHA), Err(ValuationError::NoConversion { .. })), "alpha's dollars have no price in coins here");
    assert_eq!(equity(&desk, BETA), Ok(BTC_DEPOSIT));
    let sell = desk.open_order(limit(INVERSE, ALPHA, Side::Sell, 125_000, 10));
    desk.fill(sell, 125_000, 10);
    assert_eq!(desk.balance(MARGIN_ACCOUNT, BTC), BTC_DEPOSIT.0 + 2_000_000);
    assert_eq!(desk.engine.state().book_balance(ALPHA, BTC), Amount(2_000_000));
}

#[test]
fn a_stated_value_of_a_contract_shows_its_rounding_when_realised() {
    let mut desk = Desk::open();
    let buy = desk.open_order(limit(INVERSE, ALPHA, Side::Buy, 100_000, 10));
    desk.fill(buy, 100_000, 10);
    let sell = desk.open_order(limit(INVERSE, ALPHA, Side::Sell, 125_000, 10));
    let mut fill = desk.fill_of(sell, 125_000, 10, fee(BTC, 0));
    fill.stated_cash = Some(Amount(7_999_998));
    desk.reply(VenueReply::Filled(fill));
    assert_eq!(desk.balance(MARGIN_ACCOUNT, BTC), BTC_DEPOSIT.0 + 2_000_002);
    assert_eq!(ledger(&desk, LedgerAccount::Rounding(VenueId(1)), BTC), -2);
    assert_eq!(ledger(&desk, LedgerAccount::Venue(VenueId(1)), BTC), -2_000_000);
}

#[test]
fn opposing_books_net_in_the_account_and_their_equities_add_up() {
    let mut desk = Desk::open();
    for (book, side, price) in
        [(ALPHA, Side::Buy, 1_000), (BETA, Side::Sell, 1_050), (BETA, Side::Sell, 1_080), (UNASSIGNED, Side::Buy, 990)]
    {
        let order = desk.open_order(limit(PERPETUAL, book, side, price, 2));
        let fill = desk.fill_of(order, price, 2, fee(USDT, 11));
        desk.reply(VenueReply::Filled(fill));
    }
    let state = desk.engine.state();
    assert_eq!([ALPHA, BETA, UNASSIGNED].map(|b| state.book_position(b, PERPETUAL).lots), [2, -4, 2]);
    assert_eq!(state.position(MARGIN_ACCOUNT, PERPETUAL).lots, 0);
    // Received 2 × (1050 + 1080), paid 2 × (1000 + 990), in ticks × lots of 10 000 units; four fees.
    let flat = DEPOSIT.0 + 280 * 10_000 - 44;
    assert_eq!(desk.balance(MARGIN_ACCOUNT, USDT), flat);
    for mark in [700, 1_000, 1_400] {
        let marks = [Some(Price(100_000)), Some(Price(mark))];
        let equity = |owner| state.equity(owner, USDT, &marks).unwrap().0;
        let books: i128 = [ALPHA, BETA, UNASSIGNED].map(|b| equity(Owner::Book(b))).iter().sum();
        let accounts = equity(Owner::Account(SPOT_ACCOUNT)) + equity(Owner::Account(MARGIN_ACCOUNT));
        assert_eq!(books, accounts);
    }
}

#[test]
fn equity_marks_coins_and_open_contracts() {
    let mut desk = Desk::open();
    let spot = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 100));
    let fill = desk.fill_of(spot, 100_000, 100, fee(BTC, 100));
    desk.reply(VenueReply::Filled(fill));
    let short = desk.open_order(limit(PERPETUAL, ALPHA, Side::Sell, 10_000, 3));
    desk.fill(short, 10_000, 3);
    let state = desk.engine.state();
    let marks = [Some(Price(110_000)), Some(Price(9_900))];
    // 99 900 units of BTC at 1100 USDT per 0.00001 × 1000 … 1 100 000 per lot of 1000 units: 109 890 000.
    let spot_equity = DEPOSIT.0 - 100_000_000 + 109_890_000;
    assert_eq!(state.equity(Owner::Account(SPOT_ACCOUNT), USDT, &marks), Ok(Amount(spot_equity)));
    // The margin account's coins are marked by the same price; the short has made 3 × 100 ticks.
    let coins = BTC_DEPOSIT.0 / 1_000 * 1_100_000;
    assert_eq!(state.equity(Owner::Account(MARGIN_ACCOUNT), USDT, &marks), Ok(Amount(DEPOSIT.0 + coins + 3_000_000)));
    let unmarked = state.equity(Owner::Account(MARGIN_ACCOUNT), USDT, &marks[..1]);
    assert_eq!(unmarked, Err(ValuationError::NoMark { instrument: PERPETUAL }));
}

#[test]
fn reservations_shrink_with_fills_and_return_at_the_end() {
    let mut desk = Desk::open();
    let held = |desk: &Desk, asset| desk.balance(SPOT_ACCOUNT, asset) - desk.engine.state().free_balance(SPOT_ACCOUNT, asset).0;
    let order = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 10));
    assert_eq!(held(&desk, USDT), 10_010_000);
    desk.fill(order, 100_000, 4);
    assert_eq!(held(&desk, USDT), 6_006_000);
    desk.reply(VenueReply::Cancelled { order });
    assert_eq!(held(&desk, USDT), 0);
    let sell = desk.open_order(limit(SPOT, ALPHA, Side::Sell, 100_000, 4));
    assert_eq!(held(&desk, BTC), 4_000);
    desk.fill(sell, 100_000, 1);
    assert_eq!((held(&desk, BTC), desk.balance(SPOT_ACCOUNT, BTC)), (3_000, 3_000));
    let by_market = desk.place(market(SPOT, ALPHA, Side::Buy, 10));
    // The mid is 100 000: 10 010 000 and 25 bps of it.
    assert_eq!(held(&desk, USDT), 10_035_025);
    desk.reply(VenueReply::Expired { order: by_market });
    assert_eq!(held(&desk, USDT), 0);
}

#[test]
fn definitions_that_do_not_fit_are_refused_and_change_nothing() {
    let mut desk = Desk::open();
    let before = desk.engine.state_hash();
    let mut coarse = desk::terms_of(SPOT);
    coarse.id = tradewind_types::InstrumentId(3);
    coarse.tick = desk::decimal("0.0000000001");
    let other_tick = tradewind_types::InstrumentTerms { tick: desk::decimal("0.02"), ..desk::terms_of(SPOT) };
    let deposit = |account, book, asset, amount| Definition::Deposit { account, book, asset, amount: Amount(amount) };
    let nobody = (tradewind_types::AccountId(9), tradewind_types::BookId(9), tradewind_types::AssetId(9));
    let cases = [
        (Definition::Instrument(coarse), DefinitionRefusal::Arithmetic),
        (Definition::Instrument(other_tick), DefinitionRefusal::AlreadyDefined),
        (Definition::Epoch { node: 7, epoch: 1 }, DefinitionRefusal::EpochNotRising { current: 1, asked: 1 }),
        (deposit(nobody.0, ALPHA, USDT, 1), DefinitionRefusal::OwnerNotDefined { book: ALPHA }),
        (deposit(SPOT_ACCOUNT, nobody.1, USDT, 1), DefinitionRefusal::OwnerNotDefined { book: nobody.1 }),
        (deposit(SPOT_ACCOUNT, ALPHA, nobody.2, 1), DefinitionRefusal::AssetNotDefined { asset: nobody.2 }),
        (deposit(SPOT_ACCOUNT, ALPHA, USDT, i128::MAX), DefinitionRefusal::Overflow),
        (
            Definition::Book { book: tradewind_types::BookId(u32::MAX), name: "far".into() },
            DefinitionRefusal::NotDense { id: u32::MAX, largest: 65_535 },
        ),
    ];
    for (definition, reason) in cases {
        let at = desk.now;
        let refused = Outcome::DefinitionRefused { definition: definition.clone(), reason, at };
        assert_eq!(desk.control(Control::Define(definition)), [refused]);
    }
    let same = Definition::Instrument(desk::terms_of(SPOT));
    assert_eq!(desk.control(Control::Define(same.clone())), [Outcome::Defined(same)], "the same again is no change");
    assert_eq!(desk.engine.state_hash(), before);
}
