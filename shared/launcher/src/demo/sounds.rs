//! The call centre's sound files: moments of silence.

use std::{fs, io, path::Path};

/// Their names begin with those of queues, but for the last one, so that the lint has something to say.
const FILES: [&str; 6] = [
    "sales_audio_file.wav",
    "sales_audio_file_2.wav",
    "support_closed.wav",
    "night_closed.wav",
    "switchboard_busy.wav",
    "welcome.wav",
];

/// Samples in a second, each of two bytes.
const RATE: u32 = 8000;

/// How many samples a moment has.
const SAMPLES: u32 = RATE / 10;

/// Makes the folder with the files, unless it is there: what somebody did with it stays as it is.
pub(crate) fn create_once(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let draft = folder.with_extension("new");
    fs::create_dir_all(&draft)?;
    for file in FILES {
        fs::write(draft.join(file), silence())?;
    }
    fs::rename(draft, folder)
}

/// A WAV file as Asterisk plays it: PCM, one channel.
fn silence() -> Vec<u8> {
    let data_bytes = SAMPLES * 2;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data_bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    wav.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    wav.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    // Bytes and bits of a sample.
    wav.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    wav.extend(b"data");
    wav.extend(data_bytes.to_le_bytes());
    wav.resize(wav.len() + SAMPLES as usize * 2, 0);
    wav
}
