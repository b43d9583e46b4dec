#!/bin/bash -eu
# Builds the fuzz targets for ClusterFuzzLite and OSS-Fuzz, each with its seeds. They choose
# the sanitizer and the fuzzing engine by CFLAGS and LIB_FUZZING_ENGINE.
cd "$SRC/libpb"
./autogen.sh
mkdir -p "$WORK/build"
cd "$WORK/build"
"$SRC/libpb/configure" --enable-fuzzing --disable-shared --disable-lto --disable-hardening \
    --disable-bindings --disable-examples --enable-debug
for target in banana endpoint jelly literal pair session traffic; do
    make -j"$(nproc)" "libpb/fuzz/fuzz_$target"
    cp "libpb/fuzz/fuzz_$target" "$OUT/"
    (cd "$SRC/libpb/libpb/fuzz/seeds/$target" && zip -q "$OUT/fuzz_${target}_seed_corpus.zip" ./*)
done
