//! The threads themselves: they spin between layers, and sleep between images.
//!
//! A job has one part per thread. Whoever is free claims the next part, the caller too: a thread that the system has no
//! core for claims none, and nobody waits for it.
//!
//! ```text
//! state = turn · 2^32 + parts claimed          a claim is a compare-and-swap: it fails when the turn is over
//! left  = parts not finished                   the caller returns when it is zero
//! ```

extern crate std;

use core::cell::UnsafeCell;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, park, yield_now};
use std::vec::Vec;

/// Rounds of waiting in which the caller keeps its core: some tens of microseconds.
const SPIN: u32 = 2_000;

/// Rounds of waiting before a thread sleeps: longer than any layer that is not shared.
const PATIENCE: u32 = 10_000;

/// What a part does.
type Job = dyn Fn(usize) + Sync;

/// What caller and threads share.
struct Shared {
    /// Parts of a job.
    parts: usize,
    /// The turn, and how many of its parts are claimed.
    state: AtomicU64,
    /// Parts that are not finished.
    left: AtomicUsize,
    /// Threads that may be asleep.
    asleep: AtomicUsize,
    stop: AtomicBool,
    job: UnsafeCell<Option<*const Job>>,
}

// SAFETY: the caller writes `job` only while no part is left, and a thread reads it only after it claimed a part, which is
// possible only after the write and before that part is finished; what it points to may be called from any thread.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is never used after the job.
unsafe impl Send for Shared {}

impl Shared {
    /// Works on parts until all are claimed.
    fn work(&self) {
        let mut state = self.state.load(Ordering::Acquire);
        while let Some(part) = self.open(state) {
            match self.state.compare_exchange_weak(state, state + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let _done = Done(self);
                    // SAFETY: the part was just claimed.
                    if let Some(job) = unsafe { *self.job.get() } {
                        // SAFETY: the caller does not return, and so the job lives, before this part is `Done`.
                        unsafe { (*job)(part) }
                    }
                    state = self.state.load(Ordering::Acquire);
                }
                Err(now) => state = now,
            }
        }
    }

    /// The next part to claim, if there is one.
    fn open(&self, state: u64) -> Option<usize> {
        let claimed = (state & u64::from(u32::MAX)) as usize;
        (claimed < self.parts).then_some(claimed)
    }
}

/// Threads that wait for jobs.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// `others` threads; none where the system does not start all of them.
    pub fn new(others: usize) -> Option<Self> {
        let parts = others + 1;
        let shared = Arc::new(Shared {
            parts,
            // No part is open.
            state: AtomicU64::new(u64::try_from(parts).ok()?),
            left: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            job: UnsafeCell::new(None),
        });
        let mut pool = Self { shared, threads: Vec::new() };
        for _ in 0..others {
            let shared = Arc::clone(&pool.shared);
            pool.threads.push(Builder::new().name("bakelite".into()).spawn(move || live(&shared)).ok()?);
        }
        Some(pool)
    }

    /// Threads and the caller.
    pub fn parts(&self) -> usize {
        self.shared.parts
    }

    /// [`super::Team::share`].
    pub fn share<T: Send>(&mut self, output: &mut [T], unit: usize, work: impl Fn(usize, usize, &mut [T]) + Sync) {
        let (len, parts) = (output.len(), self.parts());
        let unit = unit.max(1);
        let units = len.div_ceil(unit);
        let start = move |part: usize| (part * units / parts * unit).min(len);
        let whole = Pointer(output.as_mut_ptr());
        self.run(&move |part| {
            let (start, end) = (start(part), start(part + 1));
            // SAFETY: start(part) ≤ start(part + 1) ≤ len, so the pieces of different parts lie inside and do not overlap;
            // `output` is borrowed until all parts are done.
            let piece = unsafe { core::slice::from_raw_parts_mut(whole.get().add(start), end - start) };
            work(part, start, piece);
        });
    }

    /// Calls `job` with every part, part 0 here, and returns when all are done.
    fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        let job: *const (dyn Fn(usize) + Sync + '_) = job;
        // SAFETY: only the lifetime changes. `Wait` does not let this function end, not even by a panic, before every part
        // is finished.
        let erased = unsafe { core::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const Job>(job) };
        let shared = &*self.shared;
        // SAFETY: no part is left, so no thread reads.
        unsafe { *shared.job.get() = Some(erased) }
        shared.left.store(shared.parts, Ordering::Relaxed);
        let turn = (shared.state.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        let wait = Wait(shared);
        shared.state.store(turn << 32, Ordering::SeqCst);
        if shared.asleep.load(Ordering::SeqCst) > 0 {
            for thread in &self.threads {
                thread.thread().unpark();
            }
        }
        shared.work();
        drop(wait);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The first element of what is cut into pieces.
struct Pointer<T>(*mut T);

impl<T> Pointer<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: parts make disjoint pieces of it, of elements that may go to other threads.
unsafe impl<T: Send> Sync for Pointer<T> {}

/// Waits, when dropped, until no part is left: claims what nobody did, should the caller panic in a part of its own.
struct Wait<'a>(&'a Shared);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.work();
        let mut round = 0;
        while self.0.left.load(Ordering::Acquire) > 0 {
            pause(&mut round);
        }
    }
}

/// Counts down, when dropped: also if the job panics.
struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_sub(1, Ordering::Release);
    }
}

/// One round of waiting: after [`SPIN`] of them, whoever else wants the core may have it, which may be who is waited for.
fn pause(round: &mut u32) {
    if *round < SPIN {
        *round += 1;
        spin_loop();
    } else {
        yield_now();
    }
}

/// A thread's life.
fn live(shared: &Shared) {
    while !shared.stop.load(Ordering::SeqCst) {
        shared.work();
        wait(shared);
    }
}

/// Waits until a part is open, or it is over.
fn wait(shared: &Shared) {
    let ready = || shared.open(shared.state.load(Ordering::SeqCst)).is_some() || shared.stop.load(Ordering::SeqCst);
    for _ in 0..PATIENCE {
        if ready() {
            return;
        }
        spin_loop();
    }
    // Who opens parts after this sees that someone sleeps.
    shared.asleep.fetch_add(1, Ordering::SeqCst);
    while !ready() {
        park();
    }
    shared.asleep.fetch_sub(1, Ordering::SeqCst);
}
