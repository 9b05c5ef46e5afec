# Builds a system or a home of the lab. The programs inside are one script under many names.
programs_in() {
  mkdir -p "$1"
  {
    echo '#!/bin/sh'
    echo "label='$label' broken='$broken' lab='$lab'"
    cat "$programs"
  } > "$1/.programs"
  chmod +x "$1/.programs"
  folder=$1; shift
  for name in "$@"; do ln -s .programs "$folder/$name"; done
}

case $kind in
nixos-system)
  programs_in "$out/sw/bin" ls cat grep git free nix-build nvidia-smi busctl vainfo vdpauinfo
  mkdir "$out/bin"
  cat > "$out/bin/switch-to-configuration" <<END
#!/bin/sh -eu
echo "$label \$1" >> $lab/log
case \$1 in test|switch) ln -s -f -n $out $lab/run/current-system ;; esac
if [ "\$1" = "$stuck" ]; then
  echo \$\$ > $lab/stuck   # a pipe: the test waits at its other end
  exec sleep 600
fi
case \$1 in boot|switch) ln -s -f -n $out $lab/boot/default ;; esac
END
  chmod +x "$out/bin/switch-to-configuration"
  ;;
home-manager-generation)
  programs_in "$out/home-path/bin" zstd xz bzip2 lz4 sqlite3 curl openssl node python3 rustc go
  mkdir -p "$out/programs/bin"
  for name in teams discord spotify codium claude-desktop signal zoom; do
    program=$name
    [ "$name" != signal ] || program=signal-desktop
    printf '#!/bin/sh\n' > "$out/programs/bin/$program"
    # The slip that the review of the document found: the program is not always called like the application.
    [ "$label" != electron-broken ] || program=$name
    case $label in
    electron*)
      cat > "$out/home-path/bin/$name" <<END
#!/bin/sh
exec /usr/bin/systemd-run --user --scope -p MemoryHigh=2G -p MemoryMax=3G -p CPUQuota=150% \\
  $out/programs/bin/$program --enable-gpu-rasterization "\$@"
END
      ;;
    *) printf '#!/bin/sh\nexec %s "$@"\n' "$out/programs/bin/$program" > "$out/home-path/bin/$name" ;;
    esac
  done
  chmod +x "$out"/programs/bin/* "$out"/home-path/bin/*
  cat > "$out/activate" <<END
#!/bin/sh -eu
echo "$label activated for \$USER" >> $lab/log
if [ "\$(readlink -f $lab/profiles/home-manager)" != $out ]; then
  nix-env --profile $lab/profiles/home-manager --set $out
fi
ln -s -f -n $out/home-path $lab/home/.nix-profile
# An application that is started with other flags writes its settings.
case $label in electron*) echo '{"flags": "$label"}' > $lab/home/.config/discord/settings.json ;; esac
END
  chmod +x "$out/activate"
  ;;
esac
