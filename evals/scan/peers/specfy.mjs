// What @specfy/stack-analyser says of a folder: node specfy.mjs MODULES FOLDER, one JSON object as the last line of stdout.
import { createRequire } from 'node:module'
import { dirname, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, folder] = process.argv.slice(2)
const require = createRequire(`${modules}/package.json`)
const load = async (name) => import(pathToFileURL(require.resolve(name)).href)
const { analyser, FSProvider, tech } = await load('@specfy/stack-analyser')
await load('@specfy/stack-analyser/dist/autoload.js')

const started = performance.now()
const whole = (await analyser({ provider: new FSProvider({ path: folder }) })).toJson()
const seconds = (performance.now() - started) / 1000

const all = []
const visit = (one) => {
  all.push(one)
  one.childs.forEach(visit)
}
visit(whole)
// A component without a technology of its own is a part of the project, the others are databases, hosts and so on;
// the first path is the manifest that it was made of. Without any, what was found is said of the whole.
const parts = all.filter((one) => one !== whole && !one.tech)
const roots = parts.map((part) => dirname(relative(folder, part.path[0])) || '.')
const languages = new Set(all.flatMap((one) => Object.keys(one.languages)))
const spoken = new Map(tech.list.filter((one) => one.type === 'language').map((one) => [one.key, one.name]))
const techs = [...new Set(all.flatMap((one) => [...one.techs, ...(one.tech ? [one.tech] : [])]))]
console.log(JSON.stringify({
  roots: roots.length || languages.size === 0 ? [...new Set(roots)] : ['.'],
  languages: [...languages],
  techs,
  spoken: techs.filter((key) => spoken.has(key)).map((key) => spoken.get(key)),
  seconds,
}))
