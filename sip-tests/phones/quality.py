"""Speech for the bench of quality, and its marks.

usage: quality.py speech IN HZ OUT        a wav file at another rate, with silence around it
       quality.py score REFERENCE HEARD   MARK DELAY_MS: by PESQ, narrowband at 8 kHz (ITU-T P.862.1),
                                          wideband at any other rate (P.862.2)
"""

import sys
import wave

import numpy

AROUND_S = 0.6
# What a receiver may be late by.
DELAY_MAX_S = 1


def read(path):
    with wave.open(path) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        pcm = numpy.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pcm[::channels].astype(float), rate


def write(path, pcm, rate):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(numpy.clip(pcm, -32768, 32767).astype("<i2").tobytes())


def resample(pcm, rate, wanted):
    """Through the spectrum, which is cut or filled up."""
    if rate == wanted:
        return pcm
    count = round(len(pcm) * wanted / rate)
    spectrum = numpy.fft.rfft(pcm)
    fitted = numpy.zeros(count // 2 + 1, complex)
    kept = min(len(fitted), len(spectrum))
    fitted[:kept] = spectrum[:kept]
    return numpy.fft.irfft(fitted, count) * (count / len(pcm))


def speech(path, hz, out):
    pcm, rate = read(path)
    pcm = resample(pcm, rate, int(hz))
    silence = numpy.zeros(int(AROUND_S * int(hz)))
    pcm = numpy.concatenate([silence, pcm * (16000 / max(abs(pcm))), silence])
    write(out, pcm, int(hz))


def score(reference, heard):
    from pesq import pesq

    reference, rate = read(reference)
    heard, heard_rate = read(heard)
    wanted, mode = (8000, "nb") if rate == 8000 else (16000, "wb")
    reference, heard = resample(reference, rate, wanted), resample(heard, heard_rate, wanted)
    size = 2 * (len(reference) + len(heard))
    likeness = numpy.fft.irfft(
        numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(reference, size))
    )
    delay = int(numpy.argmax(likeness[: DELAY_MAX_S * wanted]))
    heard = numpy.pad(heard[delay:], (0, len(reference)))[: len(reference)]
    as_samples = [numpy.clip(pcm, -32768, 32767).astype("<i2") for pcm in (reference, heard)]
    print(pesq(wanted, *as_samples, mode), delay * 1000 / wanted)


{"speech": speech, "score": score}[sys.argv[1]](*sys.argv[2:])
