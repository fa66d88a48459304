//! A list of any length as pieces of one JSON array.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use configmgt_contract::{Answer, BoxError, Example, Listing, PIECE_BYTES, Pieces, Reply, Whole};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct Item {
    id: u32,
    text: String,
}

impl Example for Item {
    fn example() -> Self {
        Self { id: 1, text: "one".to_owned() }
    }
}

type Batch = Result<Vec<Item>, BoxError>;

/// Items with these ids, each of which takes `bytes` and a little more.
fn items(ids: std::ops::Range<u32>, bytes: usize) -> Vec<Item> {
    ids.map(|id| Item { id, text: "é".repeat(bytes / 2) }).collect()
}

fn pieces(batches: Vec<Batch>) -> Pieces {
    pieces_of(stream::iter(batches))
}

fn pieces_of(batches: impl futures_util::Stream<Item = Batch> + Send + 'static) -> Pieces {
    match Listing::of_batches(batches).answer().unwrap() {
        Answer::Pieces(pieces) => pieces,
        Answer::Whole(Whole { body, .. }) => panic!("a listing came whole, with {} bytes", body.len()),
    }
}

async fn all(pieces: Pieces) -> Vec<Bytes> {
    pieces.try_collect().await.unwrap()
}

#[tokio::test]
async fn nothing_to_list_is_an_empty_array_in_one_piece() {
    for batches in [vec![], vec![Ok(Vec::new())], vec![Ok(Vec::new()), Ok(Vec::new())]] {
        assert_eq!(all(pieces(batches)).await, [Bytes::from_static(b"[]")]);
    }
}

#[tokio::test]
async fn a_short_list_is_one_piece_whatever_its_batches() {
    let batches = vec![Ok(items(1..2, 2)), Ok(Vec::new()), Ok(items(2..4, 2))];
    let expected = r#"[{"id":1,"text":"é"},{"id":2,"text":"é"},{"id":3,"text":"é"}]"#;
    assert_eq!(all(pieces(batches)).await, [Bytes::from_static(expected.as_bytes())]);
}

#[tokio::test]
async fn pieces_are_full_but_for_the_last_one_and_make_one_array() {
    // Small items, items about as large as a piece, and one that is larger than two pieces.
    for (bytes, count) in [(40, 30_000), (PIECE_BYTES, 5), (5 * PIECE_BYTES / 2, 1)] {
        let batches = vec![Ok(items(0..count / 2, bytes)), Ok(items(count / 2..count, bytes))];
        let pieces = all(pieces(batches)).await;
        let (last, full) = pieces.split_last().unwrap();
        assert!(full.len() >= 2, "{} pieces", pieces.len());
        assert!(full.iter().all(|piece| piece.len() == PIECE_BYTES), "items of {bytes} bytes");
        assert!((1..=PIECE_BYTES).contains(&last.len()), "the last one has {} bytes", last.len());
        let read: Vec<Item> = serde_json::from_slice(&pieces.concat()).unwrap();
        assert_eq!(read, items(0..count, bytes));
    }
}

#[tokio::test]
async fn an_array_that_fills_its_piece_is_not_followed_by_an_empty_one() {
    let around = serde_json::to_vec(&items(0..1, 0)).unwrap().len();
    let batch = vec![Item { id: 0, text: "x".repeat(PIECE_BYTES - around) }];
    let lengths: Vec<_> = all(pieces(vec![Ok(batch)])).await.iter().map(Bytes::len).collect();
    assert_eq!(lengths, [PIECE_BYTES]);
}

#[tokio::test]
async fn a_batch_that_fails_ends_the_pieces_with_its_error() {
    let batches = vec![Ok(items(0..10, PIECE_BYTES / 4)), Err("the database is gone".into()), Ok(items(10..20, 2))];
    let mut pieces = pieces(batches);
    let mut sent = 0;
    let error = loop {
        match pieces.next().await.unwrap() {
            Ok(piece) => sent += piece.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the database is gone");
    assert!(sent >= PIECE_BYTES, "what came before the failure was sent, as its {sent} bytes show");
    assert_eq!(pieces.next().await.map(|piece| piece.is_ok()), None);
}

#[tokio::test]
async fn a_batch_is_asked_for_only_when_the_reader_has_taken_what_came_before() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let endless = stream::repeat_with(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(items(0..1, PIECE_BYTES))
    });
    let mut pieces = pieces_of(endless);
    let mut asked_after = vec![asked.load(Ordering::SeqCst)];
    for _ in 0..3 {
        pieces.next().await.unwrap().unwrap();
        asked_after.push(asked.load(Ordering::SeqCst));
    }
    assert_eq!(asked_after, [0, 1, 2, 3]);
}

#[test]
fn the_documents_show_an_array_of_the_item() {
    let body = Listing::<Item>::schema().unwrap();
    assert_eq!(
        serde_json::to_value(body.schema).unwrap(),
        serde_json::json!({"type": "array", "items": {"$ref": "#/components/schemas/Item"}})
    );
    assert_eq!(body.example, serde_json::json!([{"id": 1, "text": "one"}]));
    let names: Vec<_> = body.components.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Item"]);
}
