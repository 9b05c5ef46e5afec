# The programs of a system or a home of the lab, under many names.
name=${0##*/}
case " $broken " in *" $name "*) kill -s SEGV $$ ;; esac
case $name in
ls)
  # Which system boots while this one is looked at.
  echo "ls of $label, boots $(readlink "$lab/boot/default" | sed 's/.*nixos-system-//')" >> "$lab/log"
  exec ls "$@" ;;
cat | grep | git) exec "$name" "$@" ;;
free) exec cat /proc/meminfo ;;
nix-build) exec nix-build --option sandbox false --option substitute false --option build-users-group '' "$@" ;;
nvidia-smi) echo 'GPU 0: NVIDIA GeForce GTX 960' ;;
busctl)
  kwinrc=$lab/home/.config/kwinrc
  case "$*" in
  *reconfigure) echo "kwin reads $(grep -o 'Backend=.*' "$kwinrc" || echo nothing)" >> "$lab/log" ;;
  *) if [ -e "$lab/kwin-dislikes-opengl" ] && grep -q '^Backend=OpenGL' "$kwinrc"; then
      echo 'Compositing is not active'
    else
      echo 'Compositing is active'
    fi ;;
  esac ;;
vainfo)
  [ "$label" = video ] || { echo 'vaInitialize failed with error code -1 (unknown libva error),exit' >&2; exit 3; }
  echo "libva info: User environment variable requested driver '$LIBVA_DRIVER_NAME'"
  echo "vainfo: Driver version: VA-API NVDEC driver [$NVD_BACKEND backend]"
  for profile in H264High HEVCMain VP9Profile0; do printf '      VAProfile%-23s: VAEntrypointVLD\n' $profile; done ;;
vdpauinfo)
  [ "$label" = video ] || { echo 'Error creating VDPAU device: 1'; exit 1; }
  echo 'H264_HIGH                      41 65536  4096  4096'
  echo 'HEVC_MAIN                      153 36864  4096  2304' ;;
zstd | xz | bzip2 | lz4) exec cat ;;
sqlite3) echo 1 ;;
node) echo v24.12.0 ;;
python3) echo 3.13.11 ;;
go) echo v3 ;;
*) echo "$name" ;;
esac
