// Where somebody stands, and how far that is. Asked only when the executor taps for it.

export interface Standing {
  lat: number
  lon: number
  accuracy_m: number
  /** Milliseconds since 1970. */
  at: number
}

/** A position of a phone under trees comes within this time, ms. */
const PATIENCE = 15_000
/** Older positions say nothing about where somebody is now, ms. */
export const FRESH = 10 * 60_000

export function whereAmI(): Promise<Standing> {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation) { reject(new Error('no geolocation')); return }
    navigator.geolocation.getCurrentPosition(
      ({ coords, timestamp }) => resolve({ lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.round(coords.accuracy), at: timestamp }),
      reject, { enableHighAccuracy: true, timeout: PATIENCE, maximumAge: 60_000 },
    )
  })
}

const METRES_PER_DEGREE = 111_320

/** Metres, on a flat earth: within a city that is exact enough. */
export function metres(from: { lat: number, lon: number }, to: { lat: number, lon: number }): number {
  const north = (to.lat - from.lat) * METRES_PER_DEGREE
  const east = (to.lon - from.lon) * METRES_PER_DEGREE * Math.cos((from.lat * Math.PI) / 180)
  return Math.hypot(north, east)
}

/** "350 m", "2.4 km": rounded as one would say it. */
export function distanceText(distance: number, lang: string): string {
  const far = distance >= 1000
  const value = far ? Math.round(distance / 100) / 10 : Math.max(10, Math.round(distance / 10) * 10)
  return new Intl.NumberFormat(lang, { style: 'unit', unit: far ? 'kilometer' : 'meter', unitDisplay: 'short' }).format(value)
}
