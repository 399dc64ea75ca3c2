//! What this process has used of the machine: processor time and memory, as Linux tells them.

use std::fs;
use std::time::Duration;

/// Processor time of all threads of this process; `None` where the system doesn't tell.
pub fn processor_time() -> Option<Duration> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    let times = threads.filter_map(|thread| busy(&fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?));
    Some(times.sum())
}

/// Processor time of the calling thread.
pub fn thread_time() -> Option<Duration> {
    busy(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// The most memory that this process has had at once, in bytes.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// The first number of a `schedstat`: nanoseconds on a processor.
fn busy(schedstat: &str) -> Option<Duration> {
    schedstat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_time() {
        assert_eq!(busy("1500000 20 3\n"), Some(Duration::from_micros(1500)));
        assert_eq!(busy(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells() {
        assert!(peak_memory().is_some_and(|bytes| bytes > 1 << 20));
        assert!(thread_time().is_some_and(|time| Some(time) <= processor_time()));
    }
}
