export { connectLive, type LiveSettings } from './connect.ts'
export {
  type Channel,
  type Live,
  type LiveSocket,
  LiveUnavailable,
  type Presence,
  type RoomsOf,
  type Signal,
  type Signals,
} from './port.ts'
export { PRESENCE_TIMES, type PresenceTimes } from './times.ts'
