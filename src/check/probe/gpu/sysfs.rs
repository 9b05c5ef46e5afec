//! GPUs as the kernel shows them: the DRM devices, and display controllers on the PCI bus that have no DRM device.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One GPU. What nobody tells is nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Card {
    /// Its place on the PCI bus, `0000:01:00.0`, or the name of its DRM device.
    pub(super) address: String,
    /// `nvidia`, `amd`, `intel`, or the number.
    pub(super) vendor: Option<String>,
    /// The kernel's driver.
    pub(super) driver: Option<String>,
    /// The version of that driver; of drivers that come with the kernel, the kernel's.
    pub(super) driver_version: Option<String>,
    pub(super) name: Option<String>,
    /// In bytes.
    pub(super) memory_used: Option<u64>,
    /// In bytes.
    pub(super) memory_total: Option<u64>,
    /// Of the last moment, 0 to 100.
    pub(super) utilisation_percent: Option<f64>,
    pub(super) encode_percent: Option<f64>,
    pub(super) decode_percent: Option<f64>,
}

/// Every GPU below this root, by address.
pub(super) fn cards(root: &Path) -> Vec<Card> {
    let mut found = BTreeMap::new();
    for (name, device) in drm_devices(root).into_iter().chain(controllers(root)) {
        let address = address_of(&device).unwrap_or(name);
        if !found.contains_key(&address)
            && let Some(card) = card(root, &device, address.clone())
        {
            found.insert(address, card);
        }
    }
    found.into_values().collect()
}

fn entries(folder: &Path) -> Vec<(String, std::path::PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
}

/// `card0` and so on; their connectors (`card0-DP-1`) are not.
fn drm_devices(root: &Path) -> Vec<(String, std::path::PathBuf)> {
    let is_card = |name: &str| {
        name.strip_prefix("card")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let found = entries(&root.join("sys/class/drm")).into_iter().filter(|(name, _)| is_card(name));
    found.map(|(name, path)| (name, path.join("device"))).collect()
}

/// Display controllers have the PCI class 03.
fn controllers(root: &Path) -> Vec<(String, std::path::PathBuf)> {
    let is_display = |path: &Path| text(path, "class").is_some_and(|class| class.starts_with("0x03"));
    entries(&root.join("sys/bus/pci/devices")).into_iter().filter(|(_, path)| is_display(path)).collect()
}

fn text(folder: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn number<T: std::str::FromStr>(folder: &Path, file: &str) -> Option<T> {
    text(folder, file)?.parse().ok()
}

fn address_of(device: &Path) -> Option<String> {
    let stated = text(device, "uevent").and_then(|event| {
        event.lines().find_map(|line| line.strip_prefix("PCI_SLOT_NAME=").map(str::to_owned))
    });
    stated.or_else(|| {
        let real = fs::canonicalize(device).ok()?;
        real.file_name()?.to_str().map(str::to_owned).filter(|name| name.matches(':').count() == 2)
    })
}

fn card(root: &Path, device: &Path, address: String) -> Option<Card> {
    let driver = fs::read_link(device.join("driver"))
        .ok()
        .and_then(|link| link.file_name()?.to_str().map(str::to_owned));
    let vendor = text(device, "vendor").map(|number| match number.as_str() {
        "0x10de" => "nvidia".to_owned(),
        "0x1002" => "amd".to_owned(),
        "0x8086" => "intel".to_owned(),
        other => other.to_owned(),
    });
    // What the firmware left behind to draw on is no GPU.
    if matches!(driver.as_deref(), Some("simple-framebuffer" | "efi-framebuffer" | "vkms" | "vgem"))
        || (vendor.is_none() && driver.is_none())
    {
        return None;
    }
    let version = driver.as_ref().and_then(|driver| {
        let own = text(&root.join("sys/module").join(driver.replace('-', "_")), "version");
        own.or_else(|| text(&root.join("proc/sys/kernel"), "osrelease"))
    });
    Some(Card {
        address,
        vendor,
        driver,
        driver_version: version,
        name: text(device, "product_name"),
        memory_used: number(device, "mem_info_vram_used"),
        memory_total: number(device, "mem_info_vram_total"),
        utilisation_percent: number(device, "gpu_busy_percent"),
        encode_percent: None,
        decode_percent: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn file(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, format!("{text}\n")).expect("a file");
    }

    #[test]
    fn an_amd_card_tells_its_memory_and_load_and_a_card_without_a_driver_is_there_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let amd = root.join("sys/bus/pci/devices/0000:03:00.0");
        for (name, text) in [
            ("vendor", "0x1002"),
            ("class", "0x030000"),
            ("mem_info_vram_used", "1073741824"),
            ("mem_info_vram_total", "8589934592"),
            ("gpu_busy_percent", "37"),
        ] {
            file(&amd.join(name), text);
        }
        symlink("../../../bus/pci/drivers/amdgpu", amd.join("driver")).expect("a link");
        fs::create_dir_all(root.join("sys/class/drm/card1")).expect("a folder");
        symlink(&amd, root.join("sys/class/drm/card1/device")).expect("a link");
        fs::create_dir_all(root.join("sys/class/drm/card1-DP-1/device")).expect("a folder");
        let bare = root.join("sys/bus/pci/devices/0000:01:00.0");
        file(&bare.join("vendor"), "0x10de");
        file(&bare.join("class"), "0x030200");
        file(&root.join("sys/bus/pci/devices/0000:00:1f.0/class"), "0x060100");
        file(&root.join("proc/sys/kernel/osrelease"), "6.12.1");
        let expected = [
            Card { address: "0000:01:00.0".into(), vendor: Some("nvidia".into()), ..Card::default() },
            Card {
                address: "0000:03:00.0".into(),
                vendor: Some("amd".into()),
                driver: Some("amdgpu".into()),
                driver_version: Some("6.12.1".into()),
                memory_used: Some(1 << 30),
                memory_total: Some(8 << 30),
                utilisation_percent: Some(37.0),
                ..Card::default()
            },
        ];
        assert_eq!(cards(root), expected);
    }

    #[test]
    fn a_driver_with_a_version_of_its_own_tells_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let device = folder.path().join("sys/class/drm/card0/device");
        file(&device.join("vendor"), "0x10de");
        file(&device.join("uevent"), "DRIVER=nvidia\nPCI_SLOT_NAME=0000:01:00.0");
        symlink("/sys/bus/pci/drivers/nvidia", device.join("driver")).expect("a link");
        file(&folder.path().join("sys/module/nvidia/version"), "580.95.05");
        let seen = cards(folder.path());
        let first = seen.first().expect("a card");
        assert_eq!(
            (first.address.as_str(), first.driver_version.as_deref()),
            ("0000:01:00.0", Some("580.95.05"))
        );
    }

    #[test]
    fn a_machine_without_any_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(cards(folder.path()), Vec::new());
    }
}
