//! Probes of drivers and browsers, as written.

use crate::model::VaDisplay;
use crate::plan::read::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// The VA-API driver, as `vainfo` tells of it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `display`, `device` and `driver`")]
#[schemars(rename = "VainfoProbe")]
pub(in crate::plan) struct VainfoForm {
    /// By which way the GPU is reached: `x11` and `wayland` need `as: session`, `drm` needs none. What `vainfo` tries by
    /// itself where it is not stated.
    pub(in crate::plan) display: Option<VaDisplay>,
    /// With `display: drm`: the device, such as `/dev/dri/renderD128`. The first one where it is not stated or empty.
    pub(in crate::plan) device: Option<At<String>>,
    /// `LIBVA_DRIVER_NAME` for this look, since the environment of the session does not reach it. libva chooses where
    /// it is not stated or empty.
    pub(in crate::plan) driver: Option<At<String>>,
}

/// The VDPAU driver, as `vdpauinfo` tells of it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `display` and `driver`")]
#[schemars(rename = "VdpauinfoProbe")]
pub(in crate::plan) struct VdpauinfoForm {
    /// The X display, such as `:0`. The session's (with `as: session`) where it is not stated or empty.
    pub(in crate::plan) display: Option<At<String>>,
    /// `VDPAU_DRIVER` for this look. libvdpau chooses where it is not stated or empty.
    pub(in crate::plan) driver: Option<At<String>>,
}

/// The OpenGL renderer, as `glxinfo -B` tells of it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `display`")]
#[schemars(rename = "OpenglProbe")]
pub(in crate::plan) struct OpenglForm {
    /// The X display, such as `:0`. The session's (with `as: session`) where it is not stated or empty.
    pub(in crate::plan) display: Option<At<String>>,
}

/// The GPUs on the bus and their kernel drivers, as `lspci -nnk` tells of them; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "LspciProbe")]
pub(in crate::plan) struct LspciForm {}
