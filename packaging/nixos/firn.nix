# SPDX-License-Identifier: GPL-2.0-or-later
#
# An example of a NixOS module: imports = [ ./firn.nix ]; services.firn.enable = true;
# The settings are the keys of firn.conf(5).
{ config, lib, pkgs, ... }:
let
  cfg = config.services.firn;
  port = "dev-virtio\\x2dports-org.qemu.guest_agent.0.device";
  firn = pkgs.stdenv.mkDerivation {
    pname = "firn";
    version = "0.1.0";
    src = ../..;
    nativeBuildInputs = [ pkgs.meson pkgs.ninja pkgs.pkg-config ];
    buildInputs = [ pkgs.glib pkgs.json-glib ];
    mesonFlags = [ "-Dtests=false" "-Dprobes=disabled" "-Dapparmor=false" "-Dsystemd=false" ];
    # the configuration is the module's
    postPatch = "substituteInPlace packaging/meson.build --replace \"'/etc/firn'\" \"'etc/firn'\"";
  };
in {
  options.services.firn = {
    enable = lib.mkEnableOption "the firn guest agent";
    settings = lib.mkOption {
      type = lib.types.attrsOf (lib.types.oneOf [ lib.types.str lib.types.int lib.types.bool ]);
      default = { };
      example = { block-rpcs = "guest-exec,guest-file-open"; };
    };
  };
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ firn ];
    environment.etc."firn/firn.conf".text = lib.generators.toINI { } { general = cfg.settings; };
    services.udev.extraRules = ''
      SUBSYSTEM=="virtio-ports", ATTR{name}=="org.qemu.guest_agent.0", TAG+="systemd", ENV{SYSTEMD_WANTS}="firn.service"
    '';
    systemd.services.firn = {
      description = "firn guest agent";
      conflicts = [ "qemu-guest-agent.service" ];
      bindsTo = [ port ];
      after = [ port ];
      startLimitIntervalSec = 0;
      serviceConfig = {
        Type = "notify";
        ExecStart = "${firn}/sbin/firn";
        Restart = "always";
        RestartSec = "200ms";
        RestartPreventExitStatus = 78;
        KillMode = "process";
        TimeoutStopSec = 120;
        RuntimeDirectory = "firn";
        RuntimeDirectoryMode = "0700";
        RuntimeDirectoryPreserve = true;
      };
    };
  };
}
