//! The layout written down a second time, naively: bytes pushed one after the other, checksums bit by bit. It shares no code with
//! the crate but BLAKE3, and can build journals that the writer refuses to write.

/// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), one bit at a time.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Postcard's number: 7 bits a byte, lowest first, the high bit set on all but the last.
pub fn varint(mut value: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub fn text(value: &str) -> Vec<u8> {
    let mut bytes = varint(value.len() as u128);
    bytes.extend(value.bytes());
    bytes
}

/// A record around a body.
pub fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.push(kind);
    bytes.extend(body);
    bytes.extend(crc32(&bytes).to_le_bytes());
    bytes
}

fn link(volume: u32, blocks: u64, head: [u8; 32], last_input_seq: Option<u64>) -> Vec<u8> {
    let seq = last_input_seq.map_or_else(|| vec![0], |seq| [vec![1], varint(u128::from(seq))].concat());
    [varint(u128::from(volume)), varint(u128::from(blocks)), head.to_vec(), seq].concat()
}

/// A volume that is being put together.
pub struct Layout {
    pub bytes: Vec<u8>,
    pub head: [u8; 32],
    pub blocks: u64,
}

impl Layout {
    /// The first volume in the layout of today.
    pub fn new(facts: &[u8]) -> Self {
        Self::begin(2, [facts, &link(0, 0, [0; 32], None)].concat(), 0)
    }

    /// A journal in the first layout: no link.
    pub fn of_format_1(facts: &[u8]) -> Self {
        Self::begin(1, facts.to_vec(), 0)
    }

    /// The volume after this one.
    pub fn next(&self, volume: u32, facts: &[u8], last_input_seq: Option<u64>) -> Self {
        Self::begin(2, [facts, &link(volume, self.blocks, self.head, last_input_seq)].concat(), self.blocks)
    }

    fn begin(format: u16, facts: Vec<u8>, blocks: u64) -> Self {
        let mut bytes = b"TWJOURNL".to_vec();
        bytes.extend(format.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend((facts.len() as u32).to_le_bytes());
        bytes.extend(crc32(&bytes).to_le_bytes());
        bytes.extend(facts);
        let head = *blake3::hash(&bytes).as_bytes();
        bytes.extend(head);
        Self { bytes, head, blocks }
    }

    pub fn block(&mut self, first_seq: u64, records: u32, payload: &[u8]) {
        let mut block = b"TWBK".to_vec();
        block.extend((payload.len() as u32).to_le_bytes());
        block.extend(records.to_le_bytes());
        block.extend(self.blocks.to_le_bytes());
        block.extend(first_seq.to_le_bytes());
        block.extend(self.head);
        block.extend(crc32(&block).to_le_bytes());
        block.extend(payload);
        self.head = *blake3::hash(&block).as_bytes();
        block.extend(self.head);
        self.blocks += 1;
        self.bytes.extend(block);
    }
}
