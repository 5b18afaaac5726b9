//! A film that is long and large enough to be had piece by piece: the demo's few seconds again and again, with an index to
//! find every turn by, and padding between them (<https://www.matroska.org/technical/elements.html>).

/// A sound WebM file, and how many seconds it lasts.
pub struct Film {
    pub bytes: Vec<u8>,
    pub seconds: u32,
}

const TURN: &[u8] = include_bytes!("../../../src/demo/media/crossing.webm");
const TURN_MILLISECONDS: u32 = 3_000;

const EBML_HEADER: usize = 36;
const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
const INFO: [u8; 4] = [0x15, 0x49, 0xa9, 0x66];
const TAGS: [u8; 4] = [0x12, 0x54, 0xc3, 0x67];
const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
const CUES: [u8; 4] = [0x1c, 0x53, 0xbb, 0x6b];
/// With the length of its value, a double.
const DURATION: [u8; 3] = [0x44, 0x89, 0x88];
const VOID: u8 = 0xec;
/// A length that eight bytes say.
const EIGHT: u64 = 1 << 56;
/// Of one entry of the index.
const CUE: usize = 23;

impl Film {
    /// So many turns with so many bytes between them.
    pub fn new(turns: u32, padding: usize) -> Self {
        let [info, tags, cluster, cues] = [INFO, TAGS, CLUSTER, CUES].map(place);
        // Behind the cluster's id, its length (in three bytes) and its time (in three more).
        let blocks = &TURN[cluster + 10..cues];
        let mut head = TURN[info..tags].to_vec();
        let duration = head.windows(3).position(|it| it == DURATION).unwrap() + 3;
        let milliseconds = f64::from(turns * TURN_MILLISECONDS);
        head[duration..duration + 8].copy_from_slice(&milliseconds.to_be_bytes());

        let mut turn = element(&CLUSTER, &[&[0xe7, 0x84, 0, 0, 0, 0], blocks].concat());
        turn.extend(element(&[VOID], &vec![0; padding]));
        let first = head.len() + CUES.len() + 8 + CUE * usize::try_from(turns).unwrap();
        let mut index = Vec::new();
        let mut pictures = Vec::new();
        for number in 0..turns {
            let time = (number * TURN_MILLISECONDS).to_be_bytes();
            let at = first + pictures.len();
            let track =
                [&[0xf7, 0x81, 1, 0xf1, 0x88][..], &u64::try_from(at).unwrap().to_be_bytes()];
            let cue = [&[0xbb, 0x95, 0xb3, 0x84][..], &time, &[0xb7, 0x8d], &track.concat()];
            index.extend(cue.concat());
            turn[14..18].copy_from_slice(&time);
            pictures.extend_from_slice(&turn);
        }
        let content = [head, element(&CUES, &index), pictures].concat();
        let bytes = [&TURN[..EBML_HEADER], &element(&SEGMENT, &content)].concat();
        Self { bytes, seconds: turns * TURN_MILLISECONDS / 1_000 }
    }
}

/// Where this element begins; the index at the file's beginning names it too.
fn place(id: [u8; 4]) -> usize {
    TURN.windows(4).rposition(|it| it == id).unwrap()
}

fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let length = EIGHT | u64::try_from(content.len()).unwrap();
    [id, &length.to_be_bytes(), content].concat()
}
