use serde::Deserialize;
use serde_json::Value;

/// The parts of a task's result, as the API's JSON has it, that matter here.
#[derive(Deserialize)]
pub(super) struct TaskResult {
    status: String,
    data: Option<Value>,
    error_message: Option<String>,
}

/// The caption that a result holds, in one line, or why it holds none.
pub(super) fn caption_of(result: TaskResult) -> Result<String, String> {
    match (result.status.as_str(), result.data) {
        // A file's second line would be a caption of its own to the programs that read it, or be passed over.
        ("success", Some(Value::String(text))) => {
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.is_empty() {
                return Err("the caption is empty".to_owned());
            }
            Ok(line)
        }
        ("success", _) => Err("the answer has no caption".to_owned()),
        (status, _) => {
            let message = result.error_message;
            Err(message.unwrap_or_else(|| format!("the answer is '{status}', without a reason")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: &str, data: Value, message: Value) -> Result<String, String> {
        let result = json!({"status": status, "data": data, "cropped_image_bbox": null, "error_message": message});
        caption_of(serde_json::from_value(result).unwrap())
    }

    #[test]
    fn a_caption_is_one_line() {
        let text = json!(" a cat\r\n on\ta\u{2028}mat \n");
        assert_eq!(
            read("success", text, json!(null)),
            Ok("a cat on a mat".to_owned())
        );
        let empty = read("success", json!(" \n"), json!(null));
        assert_eq!(empty, Err("the caption is empty".to_owned()));
    }

    #[test]
    fn whatever_is_no_caption_is_a_reason() {
        let reason = |status, data, message| read(status, data, message).unwrap_err();
        assert_eq!(
            reason("skipped", json!(null), json!("not supported")),
            "not supported"
        );
        assert_eq!(
            reason("error", json!(null), json!(null)),
            "the answer is 'error', without a reason"
        );
        for data in [json!(null), json!([1, 2]), json!(3)] {
            assert_eq!(
                reason("success", data, json!(null)),
                "the answer has no caption"
            );
        }
    }
}
