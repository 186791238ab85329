//! Findings that the phases acknowledge with `allow`.

use std::collections::BTreeSet;

use super::{Finding, LINT_RULES};
use crate::phase::{Chain, PhaseId, nearest};

/// A finding that its phase allows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Acknowledged {
    #[serde(flatten)]
    pub finding: Finding,
    pub reason: String,
}

/// Findings apart from those that are acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linted {
    pub findings: Vec<Finding>,
    pub allowed: Vec<Acknowledged>,
}

/// Takes the findings away that their phases allow. An `allow` of a looked-at phase that matches none is a finding.
pub fn acknowledge(chain: &Chain, wanted: &[PhaseId], found: Vec<Finding>) -> Linted {
    let mut linted = Linted::default();
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    for finding in found {
        let phase = PhaseId::new(&finding.phase).and_then(|id| chain.get(&id));
        let allowed = phase.and_then(|phase| {
            phase.annotations.allow.iter().find(|allowed| allowed.code == finding.code)
        });
        match allowed {
            Some(allowed) => {
                used.insert((finding.phase.clone(), allowed.code.clone()));
                linted.allowed.push(Acknowledged { finding, reason: allowed.reason.clone() });
            }
            None => linted.findings.push(finding),
        }
    }
    for phase in chain.phases().iter().filter(|phase| wanted.contains(&phase.id)) {
        for allowed in &phase.annotations.allow {
            if used.contains(&(phase.id.to_string(), allowed.code.clone())) {
                continue;
            }
            let codes = LINT_RULES.iter().map(|rule| rule.code);
            let what = match codes.clone().any(|code| code == allowed.code) {
                true => format!("allows {}, which it does not do", allowed.code),
                false => match nearest(&allowed.code, codes) {
                    Some(near) => {
                        format!("allows {}, which is no code; nearest is {near}", allowed.code)
                    }
                    None => format!("allows {}, which is no code", allowed.code),
                },
            };
            linted.findings.push(Finding::new(phase, "unused-allow", allowed.line, what));
        }
    }
    linted
}
