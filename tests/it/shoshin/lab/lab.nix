# Systems and homes small enough to be built without a network. Each is a real store path with the programs that its kind
# activates itself with.
let
  built = kind: label: more: derivation ({
    inherit kind label;
    name = "${kind}-${label}";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-eu" ./build.sh ];
    programs = ./programs.sh;
    PATH = "/usr/bin:/bin";
    lab = "@LAB@";
    # Programs that crash, and the act in the middle of which an activation waits for ever.
    broken = "";
    stuck = "";
  } // more);
  system = built "nixos-system";
  home = built "home-manager-generation";
in {
  system-start = system "start" { };
  system-libs = system "system-libs" { };
  system-libs-broken = system "system-libs-broken" { broken = "ls"; };
  system-libs-stuck-test = system "system-libs-stuck" { stuck = "test"; };
  system-libs-stuck-boot = system "system-libs-stuck" { stuck = "boot"; };
  video = system "video" { };
  video-broken = system "video-broken" { };
  home-start = home "home-start" { };
  home-libs = home "home-libs" { };
  home-libs-broken = home "home-libs-broken" { broken = "xz"; };
  runtimes = home "runtimes" { };
  runtimes-broken = home "runtimes-broken" { broken = "node"; };
  electron = home "electron" { };
  electron-broken = home "electron-broken" { };
}
