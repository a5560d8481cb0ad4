// Throws unless the pods of all services are of a release, each service's made after those of the one before it.
//   node order.mjs pods.json TAG SERVICE...
import { readFileSync } from 'node:fs'

const [file, tag, ...services] = process.argv.slice(2)
const { items } = JSON.parse(readFileSync(file, 'utf8'))
let latest = ''
for (const service of services) {
  const pods = items.filter(({ metadata }) => metadata.labels['app.kubernetes.io/name'] === service)
  if (pods.length < 2) throw new Error(`${service} has ${pods.length} pods`)
  const images = pods.map(({ spec }) => spec.containers[0].image)
  if (images.some((image) => !image.endsWith(`/${service}:${tag}`)))
    throw new Error(`${service} runs ${images}`)
  const made = pods.map(({ metadata }) => metadata.creationTimestamp).sort()
  if (made[0] < latest)
    throw new Error(`${service} began at ${made[0]}, the one before it ended at ${latest}`)
  latest = made.at(-1)
  process.stdout.write(`  ${tag} ${service}: ${pods.length} pods, ${made[0]} to ${latest}\n`)
}
