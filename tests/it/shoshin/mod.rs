//! `plans/shoshin.yaml` itself, run in a lab: real Nix, real store paths, real profiles with real generations, activations that do
//! what they do on NixOS and with home-manager. Only `nixos-rebuild` and `home-manager` are stand-ins, since Debian has
//! none; they build with `nix-build` and switch with `nix-env`.
//!
//! What a lab cannot have: the journal and the units (there is no systemd here, so those checks are skipped and say so), a
//! reboot, and people (`unanswered=warn` turns their questions into warnings).

mod failing;
mod killed;
mod lab;
mod through;
mod written;
