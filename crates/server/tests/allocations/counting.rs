//! The system's allocator, which counts what the workers of a relay ask of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use nix::unistd::gettid;

/// Counts and passes on.
pub(crate) struct Counting;

/// More than a relay here has workers.
static WATCHED: [AtomicI32; 8] = [const { AtomicI32::new(0) }; 8];

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Without a destructor or a first use that would itself allocate.
    static THREAD: Cell<i32> = const { Cell::new(0) };
}

/// From here on counts what the worker threads that run now ask for.
pub(crate) fn watch_workers() {
    let workers = worker_threads();
    assert!(!workers.is_empty() && workers.len() <= WATCHED.len(), "{} workers", workers.len());
    let workers = workers.into_iter().chain(std::iter::repeat(0));
    WATCHED.iter().zip(workers).for_each(|(slot, worker)| slot.store(worker, Ordering::Relaxed));
}

/// How often they asked for memory so far.
pub(crate) fn allocations() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Thread ids of the workers, known by their name. Source: proc(5), `/proc/pid/task/tid/comm`
fn worker_threads() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists the threads");
    let is_worker = |task: &std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with("worker-"))
    };
    let id = |task: std::fs::DirEntry| task.file_name().to_str()?.parse().ok();
    tasks.flatten().filter(is_worker).filter_map(id).collect()
}

fn note() {
    let thread = THREAD.get();
    let thread = if thread == 0 { gettid().as_raw() } else { thread };
    THREAD.set(thread);
    if WATCHED.iter().any(|watched| watched.load(Ordering::Relaxed) == thread) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise is the one asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above, and the memory is the system's, since nobody else gave any.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
