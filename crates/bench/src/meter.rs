//! What processes use, from `/proc`.

use std::fs;

/// CPU seconds that a process, its children, and those of them that have ended used so far.
pub fn cpu(root: u32) -> f64 {
    let mut ticks = 0.0;
    for child in processes() {
        if let Some(stat) = stat(child).filter(|stat| stat.parent == root) {
            ticks += stat.own + stat.reaped;
        }
    }
    // After its children: one that ends meanwhile is counted with those that have ended.
    ticks += stat(root).map_or(0.0, |stat| stat.own + stat.reaped);
    // Linux counts in hundredths of a second for whoever reads this file, whatever the kernel's own clock.
    ticks / 100.0
}

/// The processes that a process has started, and that still run.
pub fn children(root: u32) -> Vec<u32> {
    processes()
        .into_iter()
        .filter(|pid| stat(*pid).is_some_and(|stat| stat.parent == root))
        .collect()
}

struct Stat {
    parent: u32,
    own: f64,
    reaped: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses, and may hold anything.
    let rest: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |place: usize| rest.get(place)?.parse::<f64>().ok();
    Some(Stat {
        parent: rest.get(1)?.parse().ok()?,
        own: number(11)? + number(12)?,
        reaped: number(13)? + number(14)?,
    })
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Memory that a process holds now, in megabytes.
pub fn resident(pid: u32) -> f64 {
    status(pid, "VmRSS:")
}

/// The most memory that a process held so far, in megabytes.
pub fn peak(pid: u32) -> f64 {
    status(pid, "VmHWM:")
}

fn status(pid: u32, field: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

/// How busy the machine is besides: the load of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0)
}

/// What this machine is.
pub fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = memory.unwrap_or(0.0) / 1024.0 / 1024.0;
    let model = model.map_or("unknown", |model| model.1);
    format!(
        "{cores} cores ({model}), {memory:.0} GB of memory, Linux {}",
        kernel.trim()
    )
}
