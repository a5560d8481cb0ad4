import { devServices } from './dev/services.ts'
import { startProcess } from './start/start-process.ts'

// What `npm start` runs, with the page shown from its sources instead of built.
await startProcess(({ pagePort }) => ({
  services: devServices,
  pageUrl: `http://localhost:${pagePort}`,
}))
