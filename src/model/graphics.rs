//! Probes of what draws and decodes: drivers by their tools, browsers by their support pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// By which way `vainfo` reaches the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "VaDisplay")]
pub enum VaDisplay {
    /// The X server of the session.
    X11,
    /// The compositor of the session.
    Wayland,
    /// The device itself; no session is needed.
    Drm,
}

impl VaDisplay {
    /// As it is written, and as `vainfo --display` takes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::X11 => "x11",
            Self::Wayland => "wayland",
            Self::Drm => "drm",
        }
    }
}

/// A driver or a browser, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Graphics {
    /// The VA-API driver: `ok driver decodes encodes codecs pairs failure` and more.
    Vainfo {
        /// Which way; what `vainfo` tries by itself where it is not stated.
        display: Option<VaDisplay>,
        /// The device, with `drm`.
        device: Option<PathBuf>,
        /// `LIBVA_DRIVER_NAME`.
        driver: Option<String>,
    },
    /// The VDPAU driver: `device_created decoders_supported decoders error_class` and more.
    Vdpauinfo {
        /// The X display; the session's where it is not stated.
        display: Option<String>,
        /// `VDPAU_DRIVER`.
        driver: Option<String>,
    },
    /// The OpenGL renderer: `renderer software_rendering direct_rendering accelerated` and more.
    Opengl {
        /// The X display; the session's where it is not stated.
        display: Option<String>,
    },
    /// The GPUs on the bus and their kernel drivers: `gpus drivers_in_use without_driver devices`.
    Lspci,
    /// The text of Firefox's `about:support`: `hardware_decodes hardware_h264_decoding age_seconds` and more.
    Firefox {
        /// The file that holds the text.
        file: PathBuf,
    },
    /// The text of `chrome://gpu`: `video_decode_hardware features age_seconds` and more.
    Chromium {
        /// The file that holds the text.
        file: PathBuf,
    },
}
