import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const SBOM_TIMEOUT_MS = 60_000
/** Older ones have holes that are known. */
const FLOORS = { ws: [8, 21, 0], fastify: [5, 8, 3] } as const

interface Entry {
  /** Where it is not what the path says. */
  readonly name?: string
  readonly version: string
  readonly link?: true
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: true
}

interface Manifest {
  readonly allowScripts: Readonly<Record<string, boolean>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Component {
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly hashes?: readonly { readonly alg: string }[]
}

const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
const lock: { readonly packages: Readonly<Record<string, Entry>> } = read('package-lock.json')
const manifest: Manifest = read('package.json')

/** All that comes from a registry. */
const fetched = Object.entries(lock.packages)
  .filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
  .map(([path, entry]) => ({ ...entry, name: entry.name ?? path.split('node_modules/').at(-1) ?? path }))

describe('the lock file', () => {
  test('has a hash of all that is fetched, and fetches it from a registry', () => {
    expect(fetched.length).toBeGreaterThan(100)
    const hashed = fetched.filter(({ integrity }) => integrity?.startsWith('sha512-'))
    expect(hashed).toEqual(fetched)
    const places = fetched.flatMap(({ resolved }) => resolved ?? [])
    expect(places.filter((it) => !it.startsWith('https://registry.npmjs.org/'))).toEqual([])
  })

  test('holds install scripts of those alone that package.json names, each with its verdict', () => {
    const withScripts = fetched.filter(({ hasInstallScript }) => hasInstallScript)
    expect(withScripts.map(({ name }) => name).toSorted()).toEqual(
      Object.keys(manifest.allowScripts).toSorted(),
    )
  })

  test.each(Object.entries(FLOORS))('has %s at %j or newer, wherever it stands', (name, floor) => {
    const versions = fetched.filter((it) => it.name === name).map(({ version }) => version)
    expect(versions).not.toEqual([])
    expect(versions.filter((version) => isOlder(version, floor))).toEqual([])
  })
})

test('every package.json names exact versions', () => {
  for (const path of globSync('{.,packages/*,services/*,scripts}/package.json', { cwd: ROOT })) {
    const { dependencies, devDependencies, optionalDependencies }: Manifest = read(path)
    const ranges = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    )
    expect([path, ranges]).toEqual([path, []])
  }
})

test.each(['infra/Dockerfile', '.ci/run', '.ci/fresh-clone', 'scripts/start/install.mjs'])(
  '%s installs what the lock file says, and nothing besides',
  (path) => {
    const commands = readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(#|\/\/)|return /.test(line))
    expect(commands.filter((line) => /\bnpm (i|install|add|update|exec)\b|\bnpx\b/.test(line))).toEqual([])
  },
)

test(
  'npm run sbom lists every package of the lock file, with its hash',
  async () => {
    const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], {
      cwd: ROOT,
      maxBuffer: 64 * 1024 * 1024,
    })
    const { bomFormat, components }: { bomFormat: string; components: readonly Component[] } =
      JSON.parse(stdout)
    expect(bomFormat).toBe('CycloneDX')
    const nameOf = ({ group, name }: Component) => (group === undefined ? name : `${group}/${name}`)
    const listed = new Map(components.map((it) => [`${nameOf(it)}@${it.version}`, it]))
    for (const { name, version } of fetched) {
      const component = listed.get(`${name}@${version}`)
      expect(component?.purl).toMatch(/^pkg:npm\//)
      expect([name, component?.hashes?.map(({ alg }) => alg)]).toEqual([name, ['SHA-512']])
    }
  },
  SBOM_TIMEOUT_MS,
)

function isOlder(version: string, floor: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number)
  const i = floor.findIndex((part, at) => part !== parts[at])
  return i >= 0 && (parts[i] ?? 0) < (floor[i] ?? 0)
}
