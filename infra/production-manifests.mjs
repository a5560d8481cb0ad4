// Copies what npm ci needs from one folder to another, without anybody's devDependencies:
//   node production-manifests.mjs <from> <to>
// Plain JavaScript without dependencies: nothing is installed yet when this runs.
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [from, to] = process.argv.slice(2)
const { workspaces } = read('package.json')

for (const name of ['package.json', ...workspaces.flatMap((folder) => manifestsIn(folder))]) {
  const { devDependencies: _, ...manifest } = read(name)
  write(name, manifest)
}
const lock = read('package-lock.json')
for (const [path, entry] of Object.entries(lock.packages)) {
  // Of the workspaces and the top folder; what was fetched from a registry has none.
  if (!path.includes('node_modules/')) delete entry.devDependencies
}
write('package-lock.json', lock)
copyFileSync(join(from, '.npmrc'), join(to, '.npmrc'))

function manifestsIn(folder) {
  return globSync(`${folder}/package.json`, { cwd: from }).toSorted()
}

function read(name) {
  return JSON.parse(readFileSync(join(from, name), 'utf8'))
}

function write(name, value) {
  mkdirSync(dirname(join(to, name)), { recursive: true })
  writeFileSync(join(to, name), `${JSON.stringify(value, undefined, 2)}\n`)
}
