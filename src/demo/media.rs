//! What the demo's bucket holds: small pictures, a sound and a film, made by ffmpeg's generators for this
//! project and free of anybody's rights.

/// One object of the bucket.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) key: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: &'static [u8],
}

/// Under `radiology/` lies one project's media, under `traffic/` the other's.
pub(super) const SAMPLES: &[Sample] = &[
    Sample {
        key: "radiology/scans/2026/cells.png",
        content_type: "image/png",
        bytes: include_bytes!("media/cells.png"),
    },
    Sample {
        key: "radiology/scans/2026/fractal.jpg",
        content_type: "image/jpeg",
        bytes: include_bytes!("media/fractal.jpg"),
    },
    Sample {
        key: "radiology/dictation/chime.wav",
        content_type: "audio/wav",
        bytes: include_bytes!("media/chime.wav"),
    },
    Sample {
        key: "traffic/clips/crossing.webm",
        content_type: "video/webm",
        bytes: include_bytes!("media/crossing.webm"),
    },
    Sample {
        key: "traffic/stills/dusk.png",
        content_type: "image/png",
        bytes: include_bytes!("media/dusk.png"),
    },
];
