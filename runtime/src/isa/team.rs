//! Threads that compute parts of a layer together. Without the feature `threads` a team is one thread and nothing at all.
//!
//! ```text
//! caller   ──┬─ a part ─┬── next layer ──┬─ a part ─┬──      a layer starts when its parts are opened and ends when the
//! thread 1 ──┴─ a part ─┘  …spins…       ┴─ a part ─┘        last one is finished: no lock, no system call
//! ```
//!
//! What a part is depends on the shapes and the number of threads alone, and every code is computed by one thread from
//! start to end: the bits are the same for every number.

#[cfg(feature = "threads")]
mod pool;

/// The threads that share a network's layers: the caller alone, or with others that wait for it.
pub struct Team {
    #[cfg(feature = "threads")]
    pool: Option<pool::Pool>,
}

impl Team {
    /// The caller alone.
    pub const fn alone() -> Self {
        Self {
            #[cfg(feature = "threads")]
            pool: None,
        }
    }

    /// The caller and `threads − 1` others; the caller alone where the system does not start them.
    #[cfg(feature = "threads")]
    pub fn new(threads: usize) -> Self {
        Self { pool: if threads > 1 { pool::Pool::new(threads - 1) } else { None } }
    }

    /// How many they are.
    #[inline(always)]
    pub fn parts(&self) -> usize {
        #[cfg(feature = "threads")]
        if let Some(pool) = &self.pool {
            return pool.parts();
        }
        1
    }

    /// Cuts `output` into one piece per thread, at multiples of `unit` elements, and lets each thread work on its own:
    /// `work(part, first element, piece)`. Returns when all are done.
    #[inline(always)]
    pub fn share<T: Send>(&mut self, output: &mut [T], unit: usize, work: impl Fn(usize, usize, &mut [T]) + Sync) {
        #[cfg(feature = "threads")]
        if let Some(pool) = &mut self.pool {
            return pool.share(output, unit, work);
        }
        let _ = unit;
        work(0, 0, output);
    }
}
