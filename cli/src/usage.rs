//! What this process has used of the machine: processor time, and memory as Linux tells it.

use std::fs;
use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};

/// Processor time of all threads of this process; `None` where the system doesn't tell.
pub fn processor_time() -> Option<Duration> {
    ProcessTime::try_now().ok().map(|now| now.as_duration())
}

/// Processor time of the calling thread; `None` where the system doesn't tell.
pub fn thread_time() -> Option<Duration> {
    ThreadTime::try_now().ok().map(|now| now.as_duration())
}

/// The most memory that this process has had at once, in bytes.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells() {
        assert!(peak_memory().is_some_and(|bytes| bytes > 1 << 20));
        let thread = thread_time().unwrap();
        // What happens between two looks shows, however short: a scheduler's own count moves in steps of its ticks.
        assert!((0..1000).fold(0, |sum, n| std::hint::black_box(sum + n)) > 0);
        assert!(thread_time().unwrap() > thread && processor_time().unwrap() >= thread);
    }
}
