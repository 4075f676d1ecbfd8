"""What packages of npm say about a project that asks for them: the frameworks, and the databases that clients talk to."""

from __future__ import annotations

from .base import Known

# fmt: off
FRAMEWORKS = {
    "next": Known("Next.js", "frontend", 3000, 0.95),
    "nuxt": Known("Nuxt", "frontend", 3000, 0.95),
    "@remix-run/react": Known("Remix", "frontend", 3000, 0.94),
    "@react-router/dev": Known("React Router", "frontend", 5173, 0.94),
    "@tanstack/react-start": Known("TanStack Start", "frontend", 3000, 0.94),
    "@solidjs/start": Known("SolidStart", "frontend", 3000, 0.94),
    "astro": Known("Astro", "frontend", 4321, 0.95),
    "@astrojs/starlight": Known("Starlight", "static", 4321, 0.96),
    "@sveltejs/kit": Known("SvelteKit", "frontend", 5173, 0.95),
    "@builder.io/qwik": Known("Qwik", "frontend", 5173, 0.9),
    "@shopify/hydrogen": Known("Hydrogen", "frontend", 3000, 0.95),
    "@redwoodjs/web": Known("RedwoodJS", "frontend", 8910, 0.95),
    "gatsby": Known("Gatsby", "frontend", 8000, 0.94),
    "@angular/core": Known("Angular", "frontend", 4200, 0.95),
    "ember-source": Known("Ember", "frontend", 4200, 0.95),
    "react-scripts": Known("Create React App", "frontend", 3000, 0.93),
    "@vue/cli-service": Known("Vue CLI", "frontend", 8080, 0.9),
    "@quasar/app-vite": Known("Quasar", "frontend", 9000, 0.92),
    "@quasar/app-webpack": Known("Quasar", "frontend", 9000, 0.92),
    "@quasar/app": Known("Quasar", "frontend", 9000, 0.92),
    "@quasar/vite-plugin": Known("Quasar", "frontend", 0, 0.6),
    "quasar": Known("Quasar", "frontend", 0, 0.6),
    "umi": Known("Umi", "frontend", 8000, 0.92),
    "@umijs/max": Known("Umi", "frontend", 8000, 0.92),
    "vite": Known("Vite", "frontend", 5173, 0.7),
    "parcel": Known("Parcel", "frontend", 1234, 0.7),
    "@rsbuild/core": Known("Rsbuild", "frontend", 3000, 0.7),
    "webpack-dev-server": Known("webpack", "frontend", 8080, 0.65),
    "react": Known("React", "frontend", 0, 0.6),
    "preact": Known("Preact", "frontend", 0, 0.6),
    "vue": Known("Vue", "frontend", 0, 0.6),
    "svelte": Known("Svelte", "frontend", 0, 0.6),
    "solid-js": Known("Solid", "frontend", 0, 0.6),
    "lit": Known("Lit", "frontend", 0, 0.5),
    "sanity": Known("Sanity", "frontend", 3333, 0.75),
    "electron": Known("Electron", "frontend", 0, 0.97),
    "@tauri-apps/api": Known("Tauri", "frontend", 0, 0.96),
    "@tauri-apps/cli": Known("Tauri", "frontend", 0, 0.96),
    "react-native": Known("React Native", "frontend", 8081, 0.9),
    "expo": Known("Expo", "frontend", 8081, 0.96),
    "@nativescript/core": Known("NativeScript", "frontend", 0, 0.95),
    "@capacitor/core": Known("Capacitor"),
    "wxt": Known("WXT", "frontend", 3000, 0.97),
    "plasmo": Known("Plasmo", "frontend", 0, 0.97),
    "@nestjs/core": Known("NestJS", "backend", 3000, 0.97),
    "@adonisjs/core": Known("AdonisJS", "backend", 3333, 0.96),
    "@strapi/strapi": Known("Strapi", "backend", 1337, 0.97),
    "@keystone-6/core": Known("Keystone", "backend", 3000, 0.96),
    "@medusajs/medusa": Known("Medusa", "backend", 9000, 0.96),
    "@feathersjs/feathers": Known("Feathers", "backend", 3030, 0.9),
    "@loopback/core": Known("LoopBack", "backend", 3000, 0.9),
    "sails": Known("Sails", "backend", 1337, 0.95),
    "express": Known("Express", "backend", 3000, 0.85),
    "fastify": Known("Fastify", "backend", 3000, 0.9),
    "koa": Known("Koa", "backend", 3000, 0.9),
    "hono": Known("Hono", "backend", 3000, 0.8),
    "@hapi/hapi": Known("hapi", "backend", 3000, 0.9),
    "elysia": Known("Elysia", "backend", 3000, 0.9),
    "restify": Known("restify", "backend", 0, 0.9),
    "polka": Known("Polka", "backend", 3000, 0.8),
    "nitropack": Known("Nitro", "backend", 3000, 0.8),
    "apollo-server": Known("Apollo Server", "backend", 4000, 0.86),
    "@apollo/server": Known("Apollo Server", "backend", 4000, 0.86),
    "graphql-yoga": Known("GraphQL Yoga", "backend", 4000, 0.8),
    "mercurius": Known("Mercurius", "backend", 0, 0.6),
    "@trpc/server": Known("tRPC"),
    "socket.io": Known("Socket.IO", "backend", 3000, 0.7),
    "json-server": Known("JSON Server", "backend", 3000, 0.6),
    "firebase-functions": Known("Firebase Functions", "backend", 5001, 0.9),
    "@google-cloud/functions-framework": Known("Functions Framework", "backend", 8080, 0.9),
    "@azure/functions": Known("Azure Functions", "backend", 7071, 0.9),
    "wrangler": Known("Cloudflare Workers", "backend", 8787, 0.75),
    "serverless": Known("Serverless Framework", "backend", 0, 0.9),
    "probot": Known("Probot", "backend", 3000, 0.9),
    "@slack/bolt": Known("Slack Bolt", "backend", 3000, 0.75),
    "discord.js": Known("discord.js", "worker", 0, 0.75),
    "telegraf": Known("Telegraf", "worker", 0, 0.75),
    "grammy": Known("grammY", "worker", 0, 0.75),
    "bullmq": Known("BullMQ", "worker", 0, 0.55),
    "bull": Known("Bull", "worker", 0, 0.55),
    "bee-queue": Known("Bee-Queue", "worker", 0, 0.55),
    "pg-boss": Known("pg-boss", "worker", 0, 0.55),
    "graphile-worker": Known("Graphile Worker", "worker", 0, 0.6),
    "agenda": Known("Agenda", "worker", 0, 0.55),
    "@temporalio/worker": Known("Temporal", "worker", 0, 0.75),
    "node-cron": Known("node-cron", "worker", 0, 0.4),
    "@11ty/eleventy": Known("Eleventy", "static", 8080, 0.95),
    "@docusaurus/core": Known("Docusaurus", "static", 3000, 0.97),
    "vitepress": Known("VitePress", "static", 5173, 0.96),
    "vuepress": Known("VuePress", "static", 8080, 0.95),
    "hexo": Known("Hexo", "static", 4000, 0.95),
    "@slidev/cli": Known("Slidev", "static", 3030, 0.95),
    "hardhat": Known("Hardhat"),
    "aws-cdk-lib": Known("AWS CDK", "job", 0, 0.6),
    "@pulumi/pulumi": Known("Pulumi", "job", 0, 0.6),
}
# fmt: on
"""Of backends those with at least 0.95 are whole frameworks: their default port is what they listen on."""

DEVELOPED_WITH = frozenset({
    "vite", "astro", "@sveltejs/kit", "svelte", "@angular/core", "@react-router/dev", "@11ty/eleventy", "vitepress",
    "electron", "gatsby", "@builder.io/qwik", "@vue/cli-service", "nuxt", "vuepress", "hexo", "@docusaurus/core", "parcel", "@rsbuild/core",
    "webpack-dev-server", "ember-source", "react-scripts", "wrangler", "serverless", "@tauri-apps/cli", "wxt", "plasmo", "@slidev/cli", "next",
    "@astrojs/starlight", "@quasar/app-vite", "@quasar/app-webpack", "@quasar/app", "umi", "@umijs/max", "hardhat",
})  # fmt: skip
"""Frameworks that lie in devDependencies by habit; any other there is only tested against."""
SHOWN = frozenset({"react", "preact", "vue", "svelte", "solid-js", "lit", "quasar"})
"""What pages are made with: an application that is bundled has these in devDependencies as often as not."""
BUNDLERS = frozenset({"vite", "parcel", "@rsbuild/core", "webpack-dev-server"})
"""They make many things; a web application only when it is served by them."""
ALONE = {
    "react-scripts": "react-scripts", "next": "next", "wrangler": "wrangler", "serverless": "serverless sls", "webpack-dev-server": "webpack webpack-dev-server",
    "vite": "vite", "parcel": "parcel", "@rsbuild/core": "rsbuild",
}  # fmt: skip
"""Of these the scripts must say that they are used, or their configuration."""
CONFIGURED = {"wrangler": "wrangler.toml wrangler.json wrangler.jsonc", "serverless": "serverless.yml serverless.yaml"}

CLIENTS = {
    "postgresql": "pg postgres pg-promise @neondatabase/serverless pgtyped pg-native pg-boss graphile-worker postgraphile @vercel/postgres slonik "
                  "@mikro-orm/postgresql @prisma/adapter-pg @payloadcms/db-postgres pg-pool @fastify/postgres",
    "mysql": "mysql mysql2 mariadb @mikro-orm/mysql @planetscale/database @fastify/mysql",
    "redis": "redis ioredis connect-redis bullmq bull bee-queue @fastify/redis @socket.io/redis-adapter handy-redis",
    "mongodb": "mongodb mongoose monk agenda connect-mongo @mikro-orm/mongodb @typegoose/typegoose @payloadcms/db-mongodb @fastify/mongodb",
    "rabbitmq": "amqplib amqp-connection-manager rascal @cloudamqp/amqp-client",
    "kafka": "kafkajs node-rdkafka @confluentinc/kafka-javascript",
    "sqlite": "sqlite3 better-sqlite3 sqlite @libsql/client libsql sql.js @mikro-orm/sqlite expo-sqlite @payloadcms/db-sqlite",
    "elasticsearch": "@elastic/elasticsearch elasticsearch",
    "opensearch": "@opensearch-project/opensearch",
    "mssql": "mssql tedious",
    "memcached": "memjs memcached",
    "cassandra": "cassandra-driver",
    "clickhouse": "@clickhouse/client clickhouse",
    "neo4j": "neo4j-driver",
    "nats": "nats",
    "minio": "minio",
}  # fmt: skip
CLIENT = {package: database for database, packages in CLIENTS.items() for package in packages.split()}
DIALECTS = {
    "postgresql": "postgresql", "postgres": "postgresql", "pg": "postgresql", "mysql": "mysql", "mysql2": "mysql", "mariadb": "mysql", "sqlite": "sqlite",
    "better-sqlite": "sqlite", "turso": "sqlite", "libsql": "sqlite", "sqlserver": "mssql", "mssql": "mssql", "mongodb": "mongodb",
}  # fmt: skip
"""What ORMs call the databases in their settings."""

TOOLING = (
    "husky", "lint-staged", "prettier", "eslint", "commitlint", "@commitlint/", "commitizen", "cz-", "semantic-release", "@semantic-release/", "release-it",
    "@release-it/", "standard-version", "markdownlint", "cspell", "stylelint", "lefthook", "simple-git-hooks", "pre-commit", "@changesets/", "concurrently",
    "npm-run-all", "cross-env", "rimraf", "@biomejs/", "renovate", "conventional-changelog", "all-contributors-cli", "doctoc", "markdown-", "remark-",
    "editorconfig", "dotenv-cli", "pyright", "is-ci", "sort-package-json", "@typescript-eslint/", "@eslint/", "typescript-eslint", "textlint", "secretlint",
    "npm-check-updates", "shx", "wait-on", "alex", "write-good", "git-cz", "yorkie", "ls-lint", "@ls-lint/", "auto-changelog", "lerna-changelog", "globals",
    "pinst", "is-docker", "run-script-os", "npm-watch", "turbo", "pretty-quick", "syncpack", "@prettier/", "@ianvs/", "typescript", "only-allow",
)  # fmt: skip
"""Beginnings of names of packages that check, format and release, whatever a project is written in."""
