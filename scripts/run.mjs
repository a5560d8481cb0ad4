// Runs a script under Node 24 or newer: `node scripts/run.mjs [--install] <script> [arguments]`, from any folder of the
// workspace. `--install` first installs what running needs where that is missing, `--install=dev` tests and tools too;
// not a script before this one, for npm leaves those out when it is told to ignore scripts.
// Plain JavaScript without dependencies: the Node that runs this may be as old as 20.
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { install } from './start/install.mjs'

const NEEDED_MAJOR = 24
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP']
// The terminal and npm each pass on one and the same Ctrl-C.
const SAME_SIGNAL_MS = 300
const PARENT_CHECK_MS = 500
const LIFELINE_FD = 3

const scripts = dirname(fileURLToPath(import.meta.url))
const parent = process.ppid
const args = process.argv.slice(2)
if (args[0]?.startsWith('--install')) await install({ withDev: args.shift() === '--install=dev' })
const node = findNode()
if (node === undefined) {
  console.error(
    `Roomlog needs Node ${NEEDED_MAJOR} or newer, and this is ${process.version}. Run "node scripts/install.mjs" in Roomlog's folder, which fetches one where npm has it for this system (${process.platform}-${process.arch}), or install Node ${NEEDED_MAJOR} from https://nodejs.org.`,
  )
  process.exit(1)
}
run(node, args)

function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) return process.execPath
  const packaged = join(
    scripts,
    '..',
    'node_modules',
    `node-${process.platform}-${process.arch}`,
    'bin',
    'node',
  )
  try {
    accessSync(packaged, constants.X_OK)
    return packaged
  } catch {
    return undefined
  }
}

function run(node, args) {
  const follow = pathToFileURL(join(scripts, 'start', 'follow-parent.ts')).href
  // In a process group of its own, so that it gets each signal from here and only once. The pipe ends when this process
  // does, however that happens; follow-parent.ts then stops the child.
  const child = spawn(node, ['--import', follow, ...args], {
    detached: true,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, ROOMLOG_LIFELINE_FD: String(LIFELINE_FD) },
  })
  // Its end is seen by the child's exit; a write to it never happens.
  child.stdio[LIFELINE_FD]?.on('error', () => {})
  const stopForwarding = forwardSignals(child)
  child.on('error', (error) => {
    console.error(
      `${node} cannot be run (${error.code}). Remove node_modules and run "node scripts/install.mjs".`,
    )
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    stopForwarding()
    if (signal === null) process.exit(code ?? 1)
    process.kill(process.pid, signal)
  })
}

function forwardSignals(child) {
  const lastAt = new Map()
  const forward = (signal) => {
    const now = Date.now()
    if (now - (lastAt.get(signal) ?? 0) < SAME_SIGNAL_MS) return
    lastAt.set(signal, now)
    child.kill(signal)
  }
  for (const signal of FORWARDED) process.on(signal, forward)
  // A shell between npm and here ends at a signal without passing it on, and npm may be killed; then only the parent's
  // change tells.
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event !== undefined && process.ppid !== parent) {
      clearInterval(watch)
      forward('SIGTERM')
    }
  }, PARENT_CHECK_MS)
  return () => {
    clearInterval(watch)
    for (const signal of FORWARDED) process.off(signal, forward)
  }
}
