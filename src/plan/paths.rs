//! Paths in plans: absolute, or from the invoking user's home.

/// The absolute path that a text stands for: `~` and `~/` are the home; `None` where it is relative or has a `..`.
pub(super) fn absolute(text: &str, home: &str) -> Option<String> {
    let path = if text == "~" {
        home.to_owned()
    } else if let Some(rest) = text.strip_prefix("~/") {
        format!("{}/{rest}", home.trim_end_matches('/'))
    } else {
        text.to_owned()
    };
    let climbs = path.split('/').any(|part| part == "..");
    (path.starts_with('/') && !climbs).then_some(path)
}

/// Whether one of the paths of a `files` layer covers a path: the path itself, a tree above it, or a glob.
pub(super) fn covers(layer: &str, path: &str) -> bool {
    if layer == path || layer.trim_end_matches('/') == path {
        return true;
    }
    if layer.contains(['*', '?', '[']) {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let tree = layer.ends_with('/');
        return glob::Pattern::new(layer.trim_end_matches('/')).is_ok_and(|pattern| {
            if tree {
                ancestors(path).any(|folder| pattern.matches_with(folder, options))
            } else {
                pattern.matches_with(path, options)
            }
        });
    }
    layer.ends_with('/') && path.starts_with(layer)
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at)).chain(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_or_from_home() {
        for (text, expected) in [
            ("/etc/nixos", Some("/etc/nixos")),
            ("~", Some("/home/mo")),
            ("~/.config/kwinrc", Some("/home/mo/.config/kwinrc")),
            ("etc/nixos", None),
            ("~other/x", None),
            ("/etc/../x", None),
            ("", None),
        ] {
            assert_eq!(absolute(text, "/home/mo").as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_layer_covers_a_path_itself_below_it_or_by_a_glob() {
        for (layer, path, expected) in [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/b/c", false),
            ("/a/b/", "/a/b/c/d", true),
            ("/a/b/", "/a/bc", false),
            ("/a/*.conf", "/a/x.conf", true),
            ("/a/*.conf", "/a/b/x.conf", false),
            ("/a/*/", "/a/b/x.conf", true),
        ] {
            assert_eq!(covers(layer, path), expected, "{layer} {path}");
        }
    }
}
