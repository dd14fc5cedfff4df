//! Decides whether a test that did worse on ours did so by chance.

/// A test that keeps doing worse on ours alone runs alternately on both: how often it does worse on each.
#[derive(Default)]
pub struct Duel {
    pub rounds: u32,
    pub ours: u32,
    pub peers: u32,
}

impl Duel {
    /// The maximum number of rounds, and by how many ours must do worse to lose. What the peer does too may be chance,
    /// which needs more of both. The tests compute how often a duel is lost by chance.
    fn limits(&self) -> (u32, u32) {
        if self.peers == 0 { (5, 3) } else { (20, 8) }
    }

    pub fn lost(&self) -> bool {
        self.ours >= self.peers + self.limits().1
    }

    pub fn undecided(&self) -> bool {
        let (rounds, lead) = self.limits();
        self.rounds < rounds && !self.lost() && self.ours + (rounds - self.rounds) >= self.peers + lead
    }
}

#[cfg(test)]
mod tests {
    use super::Duel;
    use std::collections::BTreeMap;

    /// The probability that ours loses if ours and the peer's do worse with these probabilities.
    fn loses(ours: f64, peers: f64) -> f64 {
        let mut lost = 0.0;
        // The undecided duels, by how often each side did worse.
        let mut now = BTreeMap::from([((0, 0), 1.0)]);
        for rounds in 1.. {
            let mut next = BTreeMap::new();
            for ((we, they), probability) in now {
                for (also, chance) in [(0, 1.0 - ours), (1, ours)] {
                    for (too, luck) in [(0, 1.0 - peers), (1, peers)] {
                        *next.entry((we + also, they + too)).or_insert(0.0) += probability * chance * luck;
                    }
                }
            }
            next.retain(|(ours, peers), probability| {
                let duel = Duel {
                    rounds,
                    ours: *ours,
                    peers: *peers,
                };
                lost += if duel.lost() { *probability } else { 0.0 };
                duel.undecided()
            });
            if next.is_empty() {
                break;
            }
            now = next;
        }
        lost
    }

    #[test]
    fn what_the_peer_never_does_is_ours() {
        assert!(loses(1.0, 0.0) > 0.999);
        assert!(loses(0.8, 0.0) > 0.9);
    }

    #[test]
    fn what_both_do_is_chance() {
        for probability in [0.1, 0.3, 0.5, 0.7, 0.9, 1.0] {
            let lost = loses(probability, probability);
            assert!(lost < 0.05, "{probability}: {lost}");
        }
    }

    #[test]
    fn what_the_peer_does_seldom_is_still_ours() {
        let lost = loses(0.9, 0.1);
        assert!(lost > 0.9, "{lost}");
    }
}
