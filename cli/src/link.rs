//! `--link lan|wan|RATE,RTT|measure`: the link that plans and predictions are for.

use std::str::FromStr;

use motet_program::plan::Link;

/// A link as the user names it.
#[derive(Clone, Debug)]
pub struct NamedLink {
    /// How it is called in a report.
    pub name: String,
    /// Its rate and delay.
    pub link: Link,
}

/// The link that plans are made for.
#[derive(Clone, Debug)]
pub enum LinkChoice {
    /// A named one.
    Named(NamedLink),
    /// What is measured when the parties meet.
    Measured,
}

impl FromStr for LinkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "measure" { Ok(LinkChoice::Measured) } else { text.parse().map(LinkChoice::Named) }
    }
}

impl NamedLink {
    /// A local network.
    pub fn lan() -> NamedLink {
        NamedLink { name: "in a LAN (10 Gbit/s, 0.2 ms)".into(), link: Link::LAN }
    }

    /// Two sites.
    pub fn wan() -> NamedLink {
        NamedLink { name: "over a WAN (100 Mbit/s, 40 ms)".into(), link: Link::WAN }
    }
}

impl FromStr for NamedLink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lan" => return Ok(NamedLink::lan()),
            "wan" => return Ok(NamedLink::wan()),
            _ => {}
        }
        let (rate, delay) = text.split_once(',').ok_or("expected lan, wan, or RATE,RTT such as 100mbit,40ms")?;
        let bits = number(rate, &[("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3)])
            .ok_or_else(|| format!("`{rate}` is no rate: write it as 10gbit, 100mbit or 500kbit"))?;
        let round_trip = number(delay, &[("ms", 1e-3), ("us", 1e-6), ("s", 1.0)])
            .ok_or_else(|| format!("`{delay}` is no round-trip time: write it as 40ms, 200us or 0.1s"))?;
        if bits <= 0.0 {
            return Err("a link without a rate carries nothing".into());
        }
        let name = format!("over {}, {}", rate.trim(), delay.trim());
        Ok(NamedLink {
            name,
            link: Link { rate: (bits / 8.0).ceil() as u64, round_trip: (round_trip * 1e6).round() as u64 },
        })
    }
}

/// A number with one of the units; finite and not negative.
fn number(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    let (digits, scale) = units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    let number: f64 = digits.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        for (text, rate, round_trip) in [
            ("lan", 1_250_000_000, 200),
            ("wan", 12_500_000, 40_000),
            ("1gbit,5ms", 125_000_000, 5_000),
            ("8kbit, 0.5s", 1_000, 500_000),
            ("2.5mbit,100us", 312_500, 100),
        ] {
            let NamedLink { link, .. } = text.parse().unwrap();
            assert_eq!(link, Link { rate, round_trip }, "{text}");
        }
        for text in
            ["", "fast", "10,20", "10gbit", "10gbit,20", "0mbit,1ms", "-1mbit,1ms", "nanmbit,1ms", "1e999gbit,1ms"]
        {
            assert!(text.parse::<NamedLink>().is_err(), "{text}");
        }
    }
}
