// What @netlify/build-info says of a folder: node netlify.mjs MODULES FOLDER, one JSON object to stdout.
import { createRequire } from 'node:module'
import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, folder] = process.argv.slice(2)
process.chdir(folder)
const require = createRequire(`${modules}/package.json`)
const base = require.resolve.paths('@netlify/build-info')[0] + '/@netlify/build-info/lib'
const { getBuildInfo } = await import(pathToFileURL(`${base}/node/index.js`).href)

const started = performance.now()
const info = await getBuildInfo({ projectDir: folder, rootDir: folder, featureFlags: {} })
const seconds = (performance.now() - started) / 1000

const inside = (path) => (path ? (path.startsWith('/') ? relative(folder, path) : path) || '.' : '.')
const runtimes = (info.langRuntimes ?? []).map((runtime) => runtime.id)
const settings = (info.settings ?? []).map((one) => ({
  root: inside(one.packagePath || one.baseDirectory),
  build: one.buildCommand ?? '',
  dev: one.devCommand ?? '',
  port: one.frameworkPort ?? 0,
}))
const packages = (info.jsWorkspaces?.packages ?? []).map((one) => inside(one.path))
const roots = [...settings.map((one) => one.root), ...packages]
console.log(JSON.stringify({
  roots: [...new Set(roots.length || !runtimes.length ? roots : ['.'])],
  runtimes,
  settings,
  install: runtimes.includes('node') ? (info.packageManager?.installCommand ?? '') : '',
  seconds,
}))
