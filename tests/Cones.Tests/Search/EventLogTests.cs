using System.Buffers.Binary;
using System.Text;
using Cones.Search;
using Cones.Search.Runs;

namespace Cones.Tests.Search;

public sealed class EventLogTests
{
    static readonly SearchOptions s_options = new() { Steps = 6, EvaluationInterval = 3, CheckpointInterval = 2, CheckpointSeconds = 0 };

    [Fact]
    public void Every_session_writes_records_that_TensorBoard_can_read()
    {
        using var folder = new TemporaryFolder();
        using (var run = RunFolder.Open(folder.Path))
        {
            using var problem = new TinyProblem();
            problem.BeforeLoss = (step, _) =>
            {
                if (step == 5) throw new IOException("killed");
            };
            Assert.Throws<IOException>(() => TinySearch.Run(problem, s_options, run, time: new FakeTime(TimeSpan.FromSeconds(1))));
        }

        using (var run = RunFolder.Open(folder.Path))
        {
            using var problem = new TinyProblem();
            TinySearch.Run(problem, s_options, run, time: new FakeTime(TimeSpan.FromSeconds(1))).Dispose();
        }

        var files = Directory.GetFiles(folder.Path, "events.out.tfevents.*").Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(2, files.Length);
        var (first, second) = (Records(files[0]), Records(files[1]));
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(first[0].Bytes(3)));
        Assert.Equal(1735689600, first[0].Double(1), 1000.0);
        // A session's start says from which step on earlier records are void: SessionLog { status: START }.
        Assert.Equal([8, 1], first[1].Bytes(7));
        Assert.Equal([8, 1], second[1].Bytes(7));
        Assert.Equal((1, 5), (first[1].Integer(2), second[1].Integer(2)));
        Assert.Equal([1, 2, 3, 4, 5], Scalars(first, "train/loss").Select(s => s.Step));
        Assert.Equal([5, 6], Scalars(second, "train/loss").Select(s => s.Step));
        Assert.Equal([0, 3], Scalars(first, "evaluation/loss").Select(s => s.Step));
        Assert.Equal(Scalars(first, "train/loss")[4], Scalars(second, "train/loss")[0]);
        Assert.All(Scalars(second, "train/learning_rate"), s => Assert.Equal(0.005f, s.Value));
    }

    static List<(long Step, float Value)> Scalars(IEnumerable<Message> events, string tag) =>
    [
        .. events.Where(e => e.Has(5)).Select(e => (Step: e.Integer(2), Value: new Message(new Message(e.Bytes(5)).Bytes(1))))
            .Where(e => Encoding.UTF8.GetString(e.Value.Bytes(1)) == tag).Select(e => (e.Step, e.Value.Single(2))),
    ];

    // TFRecord: length, masked CRC-32C of it, data, masked CRC-32C of the data; the checksum by the bitwise definition.
    static List<Message> Records(string file)
    {
        var bytes = File.ReadAllBytes(file).AsSpan();
        var records = new List<Message>();
        while (bytes.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
            Assert.Equal(Checksum(bytes[..8]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
            var data = bytes.Slice(12, length);
            Assert.Equal(Checksum(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + length)..]));
            records.Add(new Message(data.ToArray()));
            bytes = bytes[(16 + length)..];
        }

        return records;
    }

    static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)));
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }

    // A protocol buffer's fields by number; the last of each.
    sealed class Message
    {
        readonly Dictionary<int, byte[]> _fields = [];

        public Message(byte[] bytes)
        {
            for (var at = 0; at < bytes.Length;)
            {
                var key = (int)Varint(bytes, ref at);
                var start = at;
                var size = (key & 7) switch { 1 => 8, 5 => 4, 2 => (int)Varint(bytes, ref at), _ => 0 };
                if ((key & 7) == 2) start = at;
                if ((key & 7) == 0)
                {
                    Varint(bytes, ref at);
                    size = at - start;
                }
                else
                {
                    at = start + size;
                }

                _fields[key >> 3] = bytes[start..(start + size)];
            }
        }

        public bool Has(int field) => _fields.ContainsKey(field);

        public byte[] Bytes(int field) => _fields[field];

        public double Double(int field) => BitConverter.ToDouble(_fields[field]);

        public float Single(int field) => BitConverter.ToSingle(_fields[field]);

        public long Integer(int field)
        {
            var at = 0;
            return (long)Varint(_fields[field], ref at);
        }

        static ulong Varint(byte[] bytes, ref int at)
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                value |= (ulong)(bytes[at] & 0x7f) << shift;
                if (bytes[at++] < 0x80) return value;
            }
        }
    }
}
