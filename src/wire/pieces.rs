use std::sync::Arc;

use bytes::Bytes;
use engine::PngBase64;

use crate::wire::AnalyzeResponse;

const NULL: &[u8] = b"null";

/// The response's JSON in pieces, to be sent one after the other.
///
/// Crops are megabytes, and every task about one crop shows it: they are pieces of their own, shared and not copied, so
/// that an answer takes no more memory than its distinct crops.
///
/// # Errors
/// None that is known of: there is nothing in a response that JSON cannot say.
pub fn pieces(response: AnalyzeResponse) -> serde_json::Result<Vec<Bytes>> {
    let mut pieces = Vec::new();
    let mut text = br#"{"image_url":"#.to_vec();
    serde_json::to_writer(&mut text, &response.image_url)?;
    text.extend(br#","results":{"#);
    for (index, (operation_id, mut result)) in response.results.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        serde_json::to_writer(&mut text, &operation_id)?;
        text.push(b':');
        let crop = result.cropped_image_base64.take();
        serde_json::to_writer(&mut text, &result)?;
        if let Some(base64) = crop {
            // The text now ends in `null,"error_message":…}`; the crop goes where that null stands.
            let mut tail = br#","error_message":"#.to_vec();
            serde_json::to_writer(&mut tail, &result.error_message)?;
            tail.push(b'}');
            text.truncate(text.len() - tail.len() - NULL.len());
            text.push(b'"');
            pieces.push(Bytes::from(text));
            pieces.push(Bytes::from_owner(Shared(base64)));
            text = vec![b'"'];
            text.extend(tail);
        }
    }
    text.extend(b"}}");
    pieces.push(Bytes::from(text));
    Ok(pieces)
}

struct Shared(Arc<PngBase64>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::wire::{DataBody, OperationResultBody, StatusBody};

    fn success(crop: Option<&Arc<PngBase64>>, data: DataBody) -> OperationResultBody {
        OperationResultBody {
            status: StatusBody::Success,
            data: Some(data),
            cropped_image_bbox: crop.map(|_| [-1, 2, 3, 4]),
            cropped_image_base64: crop.cloned(),
            error_message: None,
        }
    }

    fn response(results: Vec<OperationResultBody>) -> AnalyzeResponse {
        let named = results.into_iter().enumerate();
        AnalyzeResponse {
            image_url: "uploaded:\"ü\u{1}.png".to_owned(),
            results: named
                .map(|(i, result)| (format!("id \\ {i} }}"), result))
                .collect(),
        }
    }

    #[test]
    fn the_pieces_together_are_the_response_s_json() {
        let crop: Arc<PngBase64> = Arc::new("iVBORw0KGgo=".into());
        let failed = OperationResultBody {
            status: StatusBody::Error,
            data: None,
            cropped_image_bbox: None,
            cropped_image_base64: None,
            error_message: Some("null,\"error_message\":null}".to_owned()),
        };
        let odd = OperationResultBody {
            error_message: Some("null}".to_owned()),
            ..success(Some(&crop), DataBody::PackedVector("null".to_owned()))
        };
        for results in [
            Vec::new(),
            vec![failed],
            vec![odd],
            vec![
                success(None, DataBody::Bbox([1, 2, 3, 4])),
                success(Some(&crop), DataBody::Vector(vec![0.1, -2.0, 1e-9])),
                success(Some(&crop), DataBody::Vector(Vec::new())),
                success(None, DataBody::Detections(Vec::new())),
            ],
        ] {
            let response = response(results);
            let whole = serde_json::to_string(&response).unwrap();
            let joined = pieces(response).unwrap().concat();
            assert_eq!(String::from_utf8(joined).unwrap(), whole);
        }
    }

    #[test]
    fn tasks_about_one_crop_share_it() {
        let crop: Arc<PngBase64> = Arc::new("A".repeat(1 << 20).as_str().into());
        let results: IndexMap<_, _> = (0..256)
            .map(|i| (i.to_string(), success(Some(&crop), DataBody::Bbox([0; 4]))))
            .collect();
        let image_url = String::new();
        let pieces = pieces(AnalyzeResponse { image_url, results }).unwrap();
        let own: usize = pieces
            .iter()
            .filter(|piece| piece.as_ptr() != crop.as_ptr())
            .map(Bytes::len)
            .sum();
        assert!(own < 1 << 17, "{own} bytes");
        assert_eq!(pieces.len(), 513);
    }
}
