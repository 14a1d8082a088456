/// Statuses of any route.
const ANY: &[&str] = &["200", "401", "405", "421", "499", "500", "503"];
const ANALYSIS: &[&str] = &[
    "200", "400", "401", "403", "405", "408", "413", "415", "421", "429", "499", "500", "503",
    "504",
];
/// What no route matches.
const OTHER: &str = "other";

/// The routes, as they are named in metrics, and the statuses that they are known to answer.
pub(super) const ROUTES: &[(&str, &[&str])] = &[
    ("/analyze_image", ANALYSIS),
    ("/analyze_image_upload", ANALYSIS),
    ("/available_operations", ANY),
    ("/classifiers", ANY),
    ("/health", ANY),
    ("/ready", ANY),
    ("/metrics", ANY),
    ("/docs", ANY),
    ("/openapi.json", ANY),
    (OTHER, &["403", "404", "421", "499"]),
];

pub(super) fn label(matched: Option<&str>) -> &'static str {
    let matched = matched.unwrap_or_default().trim_end_matches('/');
    let matched = if matched.starts_with("/docs") {
        "/docs"
    } else {
        matched
    };
    let route = ROUTES.iter().find(|(route, _)| *route == matched);
    route.map_or(OTHER, |(route, _)| route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_one_label_with_and_without_its_last_slash() {
        assert_eq!(label(Some("/analyze_image/")), "/analyze_image");
        assert_eq!(label(Some("/classifiers")), "/classifiers");
        assert_eq!(label(Some("/docs/{*rest}")), "/docs");
        assert_eq!(label(Some("/surprise")), OTHER);
        assert_eq!(label(None), OTHER);
    }
}
