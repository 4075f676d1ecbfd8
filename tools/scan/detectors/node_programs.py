"""Programs that scripts of JavaScript projects start, by what kind of thing they are."""

from __future__ import annotations

SERVED = {
    "front": {
        "next": "dev start", "nuxt": "dev start preview", "nuxi": "dev start preview", "astro": "dev start preview", "ng": "serve s",
        "react-scripts": "start", "craco": "start", "react-app-rewired": "start", "vue-cli-service": "serve", "webpack": "serve s server",
        "webpack-cli": "serve s", "webpack-dev-server": "*", "gatsby": "develop serve start", "remix": "dev vite:dev watch", "remix-serve": "*",
        "react-router": "dev", "react-router-serve": "*", "svelte-kit": "dev preview", "ember": "serve s server start", "rspack": "serve s dev",
        "umi": "dev", "max": "dev", "quasar": "dev serve", "ionic": "serve", "vinxi": "dev start",
        "solid-start": "dev start", "rw": "dev serve", "blitz": "dev start", "gridsome": "develop", "shopify": "hydrogen", "sanity": "dev start",
        "snowpack": "dev", "preact": "watch", "farm": "dev start", "waku": "dev start", "meteor": "* run",
    },
    "static": {
        "docusaurus": "start serve", "vitepress": "dev preview serve", "vuepress": "dev", "hexo": "server s", "hugo": "server serve",
        "live-server": "*", "http-server": "*", "serve": "*", "lite-server": "*", "browser-sync": "start serve", "sirv": "*", "five-server": "*",
        "slidev": "*", "zola": "serve", "reload": "*", "superstatic": "*", "light-server": "*",
    },
    "program": {
        "node": "*", "nodemon": "*", "ts-node": "*", "ts-node-dev": "*", "tsnd": "*", "tsx": "*", "babel-node": "*", "vite-node": "*", "node-dev": "*",
        "esno": "*", "jiti": "*", "deno": "run serve task", "nest": "start", "fastify": "start", "strapi": "develop start dev", "keystone": "dev start",
        "medusa": "develop start", "sails": "lift", "pm2": "start", "pm2-runtime": "*", "pm2-dev": "*", "forever": "*", "supervisor": "*", "micro": "*",
        "moleculer-runner": "*", "functions-framework": "*", "firebase": "emulators:start serve", "wrangler": "dev", "sls": "offline dev",
        "serverless": "offline dev", "vercel": "dev", "netlify": "dev", "func": "start host", "sst": "dev", "nitro": "dev preview", "nitropack": "dev",
        "tsc-watch": "*", "sam": "local", "json-server": "*", "graphql-yoga": "*", "probot": "run", "directus": "start", "n8n": "*", "partykit": "dev",
        "encore": "run", "motia": "dev",
    },
    "desktop": {
        "electron": "*", "electron-forge": "start", "electron-vite": "dev preview start", "nw": "*", "tauri": "dev", "electronmon": "*", "neu": "run",
    },
    "mobile": {"expo": "start run:ios run:android", "react-native": "start run-ios run-android", "ns": "run", "cap": "run"},
    "browser": {"wxt": "*", "plasmo": "dev", "web-ext": "run"},
    "elsewhere": {
        "turbo": "*", "nx": "*", "lerna": "*", "rush": "*", "rushx": "*", "moon": "*", "wsrun": "*", "ultra": "*", "ultrarunner": "*", "lage": "*",
        "wireit": "*",
    },
    "docs": {
        "storybook": "*", "start-storybook": "*", "build-storybook": "*", "sb": "*", "ladle": "*", "styleguidist": "*", "histoire": "*", "docz": "*",
    },
    "test": {
        "jest": "*", "vitest": "*", "mocha": "*", "ava": "*", "tap": "*", "jasmine": "*", "karma": "*", "playwright": "*", "cypress": "*", "c8": "*",
        "nyc": "*", "uvu": "*", "vscode-test": "*",
    },
    "docker": {"docker": "*", "docker-compose": "*", "podman": "*", "make": "*", "just": "*", "supabase": "*"},
}  # fmt: skip
KIND = {
    (program, verb): kind
    for kind, programs in SERVED.items()
    for program, verbs in programs.items()
    for verb in verbs.split()
}
UNLESS_BUILT = {
    "vite": ("front", "build optimize lib"), "parcel": ("front", "build watch"), "rsbuild": ("front", "build inspect"), "wmr": ("front", "build"),
    "wxt": ("browser", "build zip prepare submit init clean"), "slidev": ("static", "build export format"), "ladle": ("docs", "build"),
}  # fmt: skip
"""Programs that serve when they are told nothing else."""
_BUILDERS = (
    "tsc tsup rollup esbuild microbundle unbuild swc babel webpack vite parcel tsdown sass postcss tailwindcss tailwind ng ng-packagr bob father bunchee "
    "preconstruct gulp grunt tsdx nest next stencil svelte-package svelte-kit dts api-extractor rimraf vue-tsc ncc pkgroll rslib vsce ovsx copyfiles "
    "prisma graphql-codegen svelte-check eslint prettier biome husky tshy zshy kkt eleventy"
)
BUILDERS = frozenset(_BUILDERS.split())
"""Programs that end, or that only watch: they make, check or write files."""
