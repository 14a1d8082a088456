use super::Raw;

/// The key that Python's `json` makes of a number: an integer's digits, a float as `repr` writes it.
pub(crate) fn number_as_key(raw: Raw<'_>) -> String {
    let digits = raw.get();
    if !digits.contains(['.', 'e', 'E']) {
        return match digits {
            "-0" => "0".to_owned(),
            digits => digits.to_owned(),
        };
    }
    // What is beyond every float is no number any more when it comes here.
    let number: f64 = digits.parse().unwrap_or_default();
    let scientific = format!("{number:e}");
    let exponent = scientific.split_once('e').and_then(|(mantissa, exponent)| {
        let exponent: i32 = exponent.parse().ok()?;
        Some((mantissa, exponent))
    });
    match exponent {
        Some((mantissa, exponent @ (..=-5 | 16..))) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ if number.fract() == 0.0 => format!("{number:.1}"),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: the keys of Python's `json.dumps({json.loads(number): 0})`.
    #[test]
    fn a_number_as_a_key_is_what_python_writes() {
        for (number, expected) in [
            ("7", "7"),
            ("-7", "-7"),
            ("-0", "0"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("-0.0", "-0.0"),
            ("1.5", "1.5"),
            ("15.0", "15.0"),
            ("1e3", "1000.0"),
            ("0.1", "0.1"),
            ("0.0001", "0.0001"),
            ("1e-5", "1e-05"),
            ("1.25E-7", "1.25e-07"),
            ("123456789012345.6", "123456789012345.6"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("1.2345e+22", "1.2345e+22"),
            ("-1e300", "-1e+300"),
            ("5e-324", "5e-324"),
        ] {
            let raw: Raw<'_> = serde_json::from_str(number).unwrap();
            assert_eq!(number_as_key(raw), expected);
        }
    }
}
