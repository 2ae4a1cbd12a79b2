//! What icebergs hide, apart from the orders that matching reads.

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// The hidden part of one order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserve {
    /// Lots shown at a time.
    pub(crate) display: i64,
    /// Not yet shown.
    pub(crate) hidden: i64,
}

/// Hidden parts by slot, as long as their orders live; slots are used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reserves {
    slab: Vec<Reserve>,
    free: Vec<u32>,
}

impl Reserves {
    pub(crate) fn is_empty(&self) -> bool {
        self.slab.len() == self.free.len()
    }

    /// Hides what is beyond `display`; says what is shown, and where the rest is.
    #[cold]
    pub(crate) fn hide(&mut self, whole: i64, display: i64) -> (i64, u32) {
        let shown = display.min(whole);
        let reserve = Reserve { display, hidden: whole - shown };
        if let Some(slot) = self.free.pop() {
            self.slab[slot as usize] = reserve;
            return (shown, slot);
        }
        self.slab.push(reserve);
        // No more hidden parts than orders, and 2^32 of those do not fit in memory.
        (shown, (self.slab.len() - 1) as u32)
    }

    #[cold]
    pub(crate) fn remove(&mut self, slot: u32) {
        self.free.push(slot);
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Reserve> {
        self.slab.get(slot as usize)
    }

    /// Lots hidden there; none at [`NONE`].
    #[inline]
    pub(crate) fn hidden(&self, slot: u32) -> i64 {
        self.get(slot).map_or(0, |reserve| reserve.hidden)
    }

    /// Changes how much is hidden; nothing at [`NONE`].
    pub(crate) fn set_hidden(&mut self, slot: u32, hidden: i64) {
        if let Some(reserve) = self.slab.get_mut(slot as usize) {
            reserve.hidden = hidden;
        }
    }

    /// Takes out the next part to show; nothing when nothing is hidden.
    #[cold]
    pub(crate) fn draw(&mut self, slot: u32) -> i64 {
        let reserve = &mut self.slab[slot as usize];
        let shown = reserve.display.min(reserve.hidden);
        reserve.hidden -= shown;
        shown
    }
}
