# Built by scripts/build_image.py, one target after another, each from its own small context:
#   system  Debian with systemd, without what a node does not need            (context: empty)
#   node    + binaries and the images inside (the seed) + Python packages     (context: usr/, opt/, seed.tar, wheels/)
#   image   + the program                                                     (context: app/, catalog.yaml, bootstrap)
ARG BASE=debian:trixie-slim
ARG SYSTEM=system
ARG NODE=node

FROM ${BASE} AS debian
# hadolint ignore=DL3008
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
      systemd systemd-sysv python3 iproute2 nftables iptables kmod mount util-linux conntrack procps ca-certificates haproxy \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/doc/* /usr/share/man/* /usr/share/info/* \
      /usr/share/locale/* /usr/share/i18n /usr/lib/*/gconv /usr/share/bug /usr/share/lintian /usr/lib/udev/hwdb.* /usr/lib/udev/hwdb.d \
      /usr/lib/python3*/idlelib /usr/lib/python3*/pydoc_data /usr/lib/python3*/test /usr/lib/python3*/turtledemo \
      /tmp/* \
 && mkdir -p /var/log/journal && rmdir /var/log/journal \
 && : >/etc/machine-id && rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_* \
 && ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target
# What installs packages only, and what is masked below: 3.6 MB after gzip that nobody runs.
RUN rm -rf /usr/bin/perl* /usr/lib/*/perl-base /usr/share/perl5 \
      /usr/lib/systemd/systemd-networkd* /usr/bin/networkctl /usr/lib/systemd/systemd-logind /usr/lib/systemd/systemd-timesyncd
# What would act on the user's real kernel or hardware, and what a container has no use for, is masked:
# boot and stop take a fraction of a second, and a node changes nothing outside itself by itself.
RUN cd /etc/systemd/system && for unit in \
      systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
      systemd-udev-settle.service systemd-udev-load-credentials.service systemd-modules-load.service systemd-sysctl.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
      proc-sys-fs-binfmt_misc.mount kmod-static-nodes.service modprobe@.service systemd-tmpfiles-setup-dev.service \
      systemd-tmpfiles-setup-dev-early.service systemd-remount-fs.service systemd-fsck-root.service systemd-growfs-root.service \
      systemd-pstore.service systemd-random-seed.service systemd-boot-random-seed.service systemd-hwdb-update.service \
      systemd-firstboot.service systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-update-done.service \
      systemd-machine-id-commit.service systemd-journald-audit.socket systemd-journal-catalog-update.service \
      systemd-journal-flush.service systemd-logind.service systemd-user-sessions.service systemd-resolved.service systemd-timesyncd.service \
      systemd-networkd.service systemd-networkd.socket systemd-ask-password-console.path systemd-ask-password-wall.path \
      systemd-rfkill.service systemd-rfkill.socket systemd-hibernate-clear.service systemd-battery-check.service \
      dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
      sys-fs-fuse-connections.mount getty.target getty@.service console-getty.service container-getty@.service \
      serial-getty@.service autovt@.service e2scrub_all.timer e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer \
      dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer ldconfig.service nftables.service haproxy.service \
    ; do ln -sf /dev/null "$unit"; done \
 && mkdir -p /etc/systemd/journald.conf.d /etc/systemd/system.conf.d \
 && printf '[Journal]\nReadKMsg=no\nAudit=no\nRuntimeMaxUse=64M\n' >/etc/systemd/journald.conf.d/bootstrap.conf \
 && printf '[Manager]\nDefaultTimeoutStopSec=1s\nDefaultLimitNOFILE=1048576:1048576\nShowStatus=no\n' >/etc/systemd/system.conf.d/bootstrap.conf

# Flat: what was removed above takes no space.
FROM scratch AS system
COPY --from=debian / /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

FROM ${SYSTEM} AS node
ADD seed.tar /usr/lib/bootstrap/seed/
COPY root/ /
COPY site/ /usr/lib/bootstrap/site/
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/bootstrap/site

FROM ${NODE} AS image
COPY program/ /
RUN python3 -m compileall -q /usr/lib/bootstrap/app \
 && ln -s ../bootstrap-init.service /etc/systemd/system/sysinit.target.wants/
ENV container=docker KUBECONFIG=/etc/kubernetes/admin.conf
VOLUME ["/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd"]
STOPSIGNAL SIGRTMIN+3
# Asked every 2 s while the cluster starts: until it is up, a shell answers, and Python leaves it the CPU.
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=180s --start-interval=2s CMD ["/bin/sh", "-c", "test -e /run/bootstrap-complete || { echo not up yet; exit 1; }; exec /usr/bin/bootstrap healthcheck"]
ENTRYPOINT ["/usr/bin/bootstrap"]
