# For nixpkgs' callPackage. `src` is the tree around this file, so that
#   nix-build -E 'with import <nixpkgs> { }; callPackage packaging/nix/package.nix { }'
# builds what is checked out.
{
  lib,
  stdenv,
  autoreconfHook,
  pkg-config,
  jansson,
  libedit,
  libmd,
  libpcap,
  libuv,
  openssl,
  pcre2,
  python3,
  zlib,
}:

stdenv.mkDerivation {
  pname = "libpb";
  version = "0.2.0";
  src = lib.cleanSource ../..;

  outputs = [
    "out"
    "dev"
    "man"
  ];

  nativeBuildInputs = [
    autoreconfHook
    pkg-config
    python3
  ];
  buildInputs = [
    jansson
    libedit
    libmd
    libpcap
    libuv
    openssl
    pcre2
    zlib
  ];

  configureFlags = [
    "--disable-examples"
    "--with-criterion=no"
  ];
  enableParallelBuilding = true;

  doCheck = true;
  nativeCheckInputs = [ openssl ];
  checkTarget = "check-unit";

  meta = {
    description = "Twisted's Perspective Broker in C";
    homepage = "https://owner.invalid/libpb";
    license = lib.licenses.mit;
    mainProgram = "pb";
    platforms = lib.platforms.unix;
  };
}
