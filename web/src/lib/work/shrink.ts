// A photo too large for the service is made smaller on the phone; what the camera wrote into it (when, where) moves to
// the smaller one. Photos within the limit are sent as they are: the original is worth more.

/** The service's limit, bytes. */
export const MAX_PHOTO_BYTES = 10 * 1024 * 1024
/** Longer side of a photo that had to be made smaller, pixels: more than any screen shows. */
const SIDE = 4096
const QUALITIES = [0.9, 0.8, 0.65, 0.5]

/** The EXIF segment of a JPEG with its marker and length; null when there is none before the picture begins. */
export function exifOf(jpeg: Uint8Array): Uint8Array | null {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength)
  if (jpeg.length < 4 || view.getUint16(0) !== 0xffd8) return null
  for (let at = 2; at + 10 <= jpeg.length && jpeg[at] === 0xff && jpeg[at + 1] !== 0xda;) {
    const end = at + 2 + view.getUint16(at + 2)
    if (end > jpeg.length) return null
    if (jpeg[at + 1] === 0xe1 && view.getUint32(at + 4) === 0x45786966 && view.getUint16(at + 8) === 0) return jpeg.slice(at, end)
    at = end
  }
  return null
}

/** The same segment saying that the picture stands upright: a canvas has turned it already. */
export function upright(segment: Uint8Array): Uint8Array {
  const copy = segment.slice()
  const view = new DataView(copy.buffer)
  const TIFF = 10
  if (copy.length < TIFF + 8) return copy
  const little = view.getUint16(TIFF) === 0x4949
  const directory = TIFF + view.getUint32(TIFF + 4, little)
  if (directory + 2 > copy.length) return copy
  const entries = view.getUint16(directory, little)
  for (let at = directory + 2; at + 12 <= copy.length && at < directory + 2 + entries * 12; at += 12) {
    if (view.getUint16(at, little) === 0x0112) view.setUint16(at + 8, 1, little)
  }
  return copy
}

/** `segment` behind the first marker of `jpeg`. */
export function withExif(jpeg: Uint8Array, segment: Uint8Array): Blob {
  return new Blob([jpeg.slice(0, 2), segment, jpeg.slice(2)] as BlobPart[], { type: 'image/jpeg' })
}

const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer())

/** The photo as it came, or a smaller one that says the same about itself. */
export async function fitting(photo: Blob): Promise<Blob> {
  if (photo.size <= MAX_PHOTO_BYTES) return photo
  const picture = await createImageBitmap(photo)
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(picture.width * scale)
  canvas.height = Math.round(picture.height * scale)
  canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height)
  picture.close()
  const exif = exifOf(await bytesOf(photo))
  for (const quality of QUALITIES) {
    const smaller = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality))
    if (!smaller || smaller.size + (exif?.length ?? 0) > MAX_PHOTO_BYTES) continue
    return exif ? withExif(await bytesOf(smaller), upright(exif)) : smaller
  }
  return photo
}
