// Photos before they are sent: small enough for a slow line, and without what the camera wrote into them.

/** Pixels of the longer side; the service shows no more than 1,280. */
const SIDE = 1600
const QUALITY = 0.82

/** The picture as a small JPEG; the file itself when this browser cannot read it, for the service to judge. */
export async function small(file: File): Promise<Blob> {
  try {
    const picture = await createImageBitmap(file)
    const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height))
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(picture.width * scale)
    canvas.height = Math.round(picture.height * scale)
    canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height)
    picture.close()
    return await new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? file), 'image/jpeg', QUALITY))
  } catch {
    return file
  }
}
