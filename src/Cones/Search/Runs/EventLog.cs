using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Cones.Search.Runs;

/// <summary>
/// TensorBoard's event file (TFRecord of <c>tensorflow.Event</c>), scalars only. A session writes a file of its own; its first
/// record tells TensorBoard to drop what earlier sessions logged beyond the step it resumes from. TorchSharp's writer can say
/// neither that nor take its times from a <see cref="TimeProvider"/>.
/// </summary>
sealed class EventLog : IDisposable
{
    const uint MaskDelta = 0xa282ead8;
    const int SessionStart = 1;

    readonly TimeProvider _time;
    readonly FileStream _file;

    /// <summary>Begins a session in <paramref name="folder"/>.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="step">The steps made before.</param>
    /// <param name="time">The clock.</param>
    public EventLog(string folder, int step, TimeProvider time)
    {
        _time = time;
        // TensorBoard reads a folder's files in the order of their names.
        var session = Directory.EnumerateFiles(folder, "events.out.tfevents.*").Count();
        var name = $"events.out.tfevents.{time.GetUtcNow().ToUnixTimeSeconds():D10}.{session:D4}.cones";
        _file = new FileStream(Path.Combine(folder, name), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        Write(0, m => m.Text(3, "brain.Event:2"));
        Write(step + 1, m => m.Message(7, log => log.Integer(1, SessionStart)));
    }

    /// <summary>Logs one number.</summary>
    public void Scalar(string tag, int step, double value) =>
        Write(step, m => m.Message(5, summary => summary.Message(1, v => v.Text(1, tag).Single(2, (float)value))));

    public void Dispose() => _file.Dispose();

    void Write(long step, Action<ProtoWriter> content)
    {
        var message = new ProtoWriter();
        message.Double(1, (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds).Integer(2, step);
        content(message);
        var data = message.ToArray();
        // length, its checksum, data, its checksum
        var record = new byte[12 + data.Length + 4];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedChecksum(record.AsSpan(0, 8)));
        data.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), MaskedChecksum(data));
        _file.Write(record);
    }

    static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data) crc = BitOperations.Crc32C(crc, b);
        crc = ~crc;
        return BitOperations.RotateRight(crc, 15) + MaskDelta;
    }

    /// <summary>The little of Protocol Buffers' wire format that events need.</summary>
    sealed class ProtoWriter
    {
        readonly MemoryStream _bytes = new();

        public ProtoWriter Integer(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
            return this;
        }

        public ProtoWriter Double(int field, double value)
        {
            Varint(((ulong)field << 3) | 1);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            _bytes.Write(bytes);
            return this;
        }

        public ProtoWriter Single(int field, float value)
        {
            Varint(((ulong)field << 3) | 5);
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            _bytes.Write(bytes);
            return this;
        }

        public ProtoWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

        public ProtoWriter Message(int field, Action<ProtoWriter> content)
        {
            var message = new ProtoWriter();
            content(message);
            return Bytes(field, message.ToArray());
        }

        public byte[] ToArray() => _bytes.ToArray();

        ProtoWriter Bytes(int field, byte[] value)
        {
            Varint(((ulong)field << 3) | 2);
            Varint((ulong)value.Length);
            _bytes.Write(value);
            return this;
        }

        void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7) _bytes.WriteByte((byte)(value | 0x80));
            _bytes.WriteByte((byte)value);
        }
    }
}
