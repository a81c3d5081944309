{
  "variables": {
    "sanitize%": "0",
    # A second build has a link to this file: isa-l lies beside the file itself.
    "isal": "<!(node -p \"require('path').join(require('fs').realpathSync('binding.gyp'), '../build/isa-l')\")",
    "has_isal": "<!(node -p \"+require('fs').existsSync(require('path').join(require('fs').realpathSync('binding.gyp'), '../build/isa-l/libisal.a'))\")",
    "has_musl": "<!(node src/setup/musl.mjs has)",
    "common_cflags": [
      "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fstack-protector-strong"
    ]
  },
  "target_defaults": {
    "cflags!": ["-Wno-unused-parameter"],
    "cflags_cc!": ["-std=gnu++17"],
    "cflags": ["<@(common_cflags)"],
    "cflags_cc": ["-std=c++20"],
    "include_dirs": ["native"],
    "conditions": [
      ["sanitize==1",
        { "cflags": ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g", "-O1"],
          "ldflags": ["-fsanitize=address,undefined"] },
        { "defines": ["_FORTIFY_SOURCE=3"] }]
    ]
  },
  "targets": [
    {
      "target_name": "granule",
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-fexceptions"],
      "sources": [
        "native/addon.cc",
        "<!@(find native/background native/kernel native/launch native/cgroup native/unpack -name '*.cc' -not -path '*/child/*' | sort)"
      ],
      "ldflags": ["-Wl,-z,relro,-z,now", "-Wl,--exclude-libs,ALL"],
      "libraries": ["-Wl,-Bstatic", "-lseccomp", "-lzstd", "-lz", "-Wl,-Bdynamic"],
      "conditions": [
        ["has_isal==1",
          { "include_dirs": ["<(isal)"], "libraries": ["<(isal)/libisal.a"], "sources!": ["native/unpack/inflate_zlib.cc"] },
          { "sources!": ["native/unpack/inflate_isal.cc"] }]
      ]
    },
    {
      "target_name": "granule-monitor",
      "type": "executable",
      "product_extension": "",
      "defines!": ["BUILDING_NODE_EXTENSION"],
      "ldflags!": ["-rdynamic"],
      "ldflags": ["-Wl,-z,relro,-z,now", "-Wl,--gc-sections"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "cflags_cc": ["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"],
      "sources": ["native/launch/report.cc", "<!@(find native/monitor native/launch/child -name '*.cc' | sort)"],
      "conditions": [
        ["sanitize==1",
          { "defines": ["GRANULE_SANITIZER_REPORTS=\"<(module_root_dir)/reports\""] },
          { "ldflags": ["-static"],
            "conditions": [
              ["has_musl==1", {
                "cflags_cc": ["<!@(node src/setup/musl.mjs cflags)"],
                # libstdc++ asks which glibc this is.
                "defines": ["__GLIBC_PREREQ(major,minor)=0"],
                "ldflags": ["<!@(node src/setup/musl.mjs ldflags)"],
                "libraries": ["<!@(node src/setup/musl.mjs libraries)"]
              }]
            ] }]
      ]
    }
  ],
  "conditions": [
    ["sanitize==0", {
      "targets": [
        {
          "target_name": "granule-bench-payload",
          "type": "executable",
          "product_extension": "",
          "cflags!": ["-fstack-protector-strong", "-pthread", "-fPIC"],
          "cflags": ["-fno-stack-protector", "-fno-pie", "-fno-asynchronous-unwind-tables"],
          "defines!": ["_FORTIFY_SOURCE=3"],
          "ldflags!": ["-rdynamic", "-pthread"],
          "ldflags": ["-static", "-nostdlib", "-no-pie"],
          "sources": ["bench/payload/payload.c"]
        },
        {
          "target_name": "granule-bench-spawn-loop",
          "type": "executable",
          "product_extension": "",
          "ldflags!": ["-rdynamic"],
          "sources": ["bench/payload/spawn-loop.c"]
        }
      ]
    }]
  ]
}
