//! Probes of drivers and browsers.

use super::Lowering;
use crate::model::{Graphics, VaDisplay};
use crate::plan::raw::{ProbeForm, VainfoForm};
use crate::plan::read::At;

impl Lowering<'_> {
    /// All that the form asks for; one, where it is right.
    pub(in crate::plan) fn graphics(&mut self, form: &ProbeForm) -> Vec<Graphics> {
        let mut found = Vec::new();
        if let Some(vainfo) = &form.vainfo {
            found.push(self.vainfo(vainfo));
        }
        if let Some(vdpauinfo) = &form.vdpauinfo {
            let display = self.x_display(vdpauinfo.display.as_ref());
            found.push(Graphics::Vdpauinfo { display, driver: self.driver(vdpauinfo.driver.as_ref()) });
        }
        if let Some(opengl) = &form.opengl {
            found.push(Graphics::Opengl { display: self.x_display(opengl.display.as_ref()) });
        }
        found.extend(form.lspci.as_ref().map(|_| Graphics::Lspci));
        if let Some(file) = &form.firefox {
            found.push(Graphics::Firefox { file: self.path_of(&file.value.0.path, file.place) });
        }
        if let Some(file) = &form.chromium {
            found.push(Graphics::Chromium { file: self.path_of(&file.value.0.path, file.place) });
        }
        found
    }

    fn vainfo(&mut self, form: &VainfoForm) -> Graphics {
        let device = form.device.as_ref().filter(|device| !device.value.is_empty());
        if let Some(device) = device
            && form.display != Some(VaDisplay::Drm)
        {
            self.error_with_help(
                "misplaced-field",
                device.place,
                "`device` without `display: drm`",
                "a session chooses its device itself",
            );
        }
        Graphics::Vainfo {
            display: form.display,
            device: device.map(|device| self.path(device)),
            driver: self.driver(form.driver.as_ref()),
        }
    }

    /// A driver's name becomes a part of a path that is loaded.
    fn driver(&mut self, written: Option<&At<String>>) -> Option<String> {
        let name = written.filter(|name| !name.value.is_empty())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !name.value.chars().all(plain) {
            self.error("wrong-value", name.place, format!("`{}` is no driver's name", name.value));
        }
        Some(name.value.clone())
    }

    /// `:0`, `:1.0` or `host:0`.
    fn x_display(&mut self, written: Option<&At<String>>) -> Option<String> {
        let display = written.filter(|display| !display.value.is_empty())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '-' | '_' | '/');
        if !display.value.contains(':') || !display.value.chars().all(plain) {
            self.error_with_help(
                "wrong-value",
                display.place,
                format!("`{}` is no X display", display.value),
                "write `:0` or `host:0`",
            );
        }
        Some(display.value.clone())
    }
}
