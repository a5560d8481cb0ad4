import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { describe, expect, test } from 'vitest'

// Who may import whom, as the design has it. Tests of any package may use testkit.
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  '@roomlog/protocol': [],
  '@roomlog/events': ['@roomlog/protocol'],
  '@roomlog/db': ['@roomlog/protocol'],
  '@roomlog/event-log': ['@roomlog/protocol', '@roomlog/events', '@roomlog/db'],
  '@roomlog/live': ['@roomlog/protocol', '@roomlog/events', '@roomlog/db'],
  '@roomlog/service-kit': ['@roomlog/protocol'],
  '@roomlog/client': ['@roomlog/protocol'],
  '@roomlog/web': ['@roomlog/client', '@roomlog/protocol'],
}
const TESTKIT = '@roomlog/testkit'
const ROOT = resolve(import.meta.dirname, '../../..')

type Manifest = {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const workspaces = globSync('{packages/*,services/*,scripts}/package.json', { cwd: ROOT }).map((path) => ({
  folder: dirname(path),
  manifest: JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest,
}))
const names = (parent: string) =>
  workspaces.filter(({ folder }) => folder.startsWith(parent)).map(({ manifest }) => manifest.name)
const packages = names('packages/')
const services = names('services/')

/** Every workspace but scripts, which may import anything. */
const bound = workspaces.filter(({ folder }) => folder !== 'scripts')

function mayImport({ folder, manifest }: (typeof workspaces)[number]): readonly string[] {
  if (folder.startsWith('services/') || manifest.name === TESTKIT) return packages
  const allowed = ALLOWED[manifest.name]
  if (allowed === undefined) throw new Error(`${manifest.name} has no rule here and in the design`)
  return allowed
}

const internal = (dependencies: Readonly<Record<string, string>> = {}) =>
  Object.keys(dependencies).filter((name) => packages.includes(name) || services.includes(name))

describe('package.json', () => {
  test('every workspace is known', () => {
    expect(services.length).toBeGreaterThan(0)
    expect(packages).toContain(TESTKIT)
  })

  test.for(bound)('$folder depends only on what the design allows', (workspace) => {
    const { dependencies, optionalDependencies, peerDependencies, devDependencies } = workspace.manifest
    const shipped = internal({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    const allowed = mayImport(workspace).filter((name) => name !== TESTKIT)
    expect(shipped.filter((name) => !allowed.includes(name))).toEqual([])
    expect(internal(devDependencies).filter((name) => ![...allowed, TESTKIT].includes(name))).toEqual([])
  })
})

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)['"]([^'"]+)['"]/g

const sources = globSync('{{packages,services}/*/src/**,scripts/**}/*.{ts,tsx,mjs}', {
  cwd: ROOT,
  exclude: ['**/node_modules/**'],
}).map((path) => ({
  path,
  imports: [...readFileSync(join(ROOT, path), 'utf8').matchAll(IMPORT)].map(
    ([, specifier = '']) => specifier,
  ),
}))

/** Not the testkit, tests, and what the bench measures the product beside. */
function importersOf(vendor: string): readonly string[] {
  return sources
    .filter(({ path }) => !/^packages\/testkit\/|^scripts\/(test|bench)\/|\.test\.ts$/.test(path))
    .filter(({ imports }) => imports.some((name) => name === vendor || name.startsWith(`${vendor}/`)))
    .map(({ path }) => path)
}

describe('imports', () => {
  test.for(['kafkajs', 'pg', 'argon2'])('%s is imported by at most one file', (vendor) => {
    expect(importersOf(vendor).slice(1)).toEqual([])
  })

  test('ioredis is imported by the Redis adapters only', () => {
    const importers = importersOf('ioredis')
    expect(importers.filter((path) => !/^packages\/live\/src\/redis[^/]*\.ts$/.test(path))).toEqual([])
  })

  test('a relative path does not lead into another workspace', () => {
    const strays = sources.flatMap(({ path, imports }) => {
      const home = workspaces.find(({ folder }) => path.startsWith(`${folder}/`))?.folder ?? ''
      return imports
        .filter(
          (name) =>
            name.startsWith('.') && !resolve(ROOT, dirname(path), name).startsWith(join(ROOT, home) + sep),
        )
        .map((name) => `${path}: ${name}`)
    })
    expect(strays).toEqual([])
  })
})
