//! Choices read from a fuzzer's input, byte by byte; at its end all choices are the first.
//! What is chosen between is each target's own.

pub struct Choices<'d> {
    data: &'d [u8],
}

impl<'d> Choices<'d> {
    pub fn new(data: &'d [u8]) -> Self {
        Self { data }
    }

    pub fn is_over(&self) -> bool {
        self.data.is_empty()
    }

    /// One of `count` possibilities.
    pub fn one_of(&mut self, count: u8) -> u8 {
        self.byte() % count.max(1)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.data.split_first() else { return 0 };
        self.data = rest;
        *first
    }

    /// The next `len` bytes, or what is left.
    pub fn bytes(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.data.split_at(len.min(self.data.len()));
        self.data = rest;
        taken
    }

    /// A member of `all`, which is not empty.
    pub fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        let count = u8::try_from(all.len()).unwrap_or(u8::MAX);
        all[usize::from(self.one_of(count))].clone()
    }
}
